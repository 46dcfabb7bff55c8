import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeFolder } from "../../../../services/common/files/make-folder.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-folder-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("making a folder", () => {
  test("creates missing parents and accepts an existing folder", async () => {
    await mkdir(join(dir, "a"));
    await makeFolder(join(dir, "a", "b", "c"));
    await writeFile(join(dir, "a", "b", "c", "file"), "kept");
    await makeFolder(join(dir, "a", "b", "c"));
    expect((await stat(join(dir, "a", "b", "c", "file"))).size).toBe(4);
  });

  test("succeeds for all of several concurrent callers", async () => {
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(dir, "x", "y", "z"))));
    expect((await stat(join(dir, "x", "y", "z"))).isDirectory()).toBe(true);
  });

  test.each([
    ["taken", "a file with that name exists"],
    ["taken/below", "part of the path is a file"],
    [`${"n".repeat(300)}/below`, "the name is too long"],
  ])("says why %s cannot be used", async (name, why) => {
    await writeFile(join(dir, "taken"), "");
    const path = join(dir, name);
    await expect(makeFolder(path)).rejects.toMatchObject({
      code: "invalid-argument",
      message: `cannot use ${path} as a folder: ${why}`,
    });
  });

  test("fails instead of hanging on a file system that reports ENOENT for an existing parent", async () => {
    await expect(makeFolder("/proc/nowhere/below")).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/^cannot use \/proc\/nowhere\/below as a folder: /),
    });
  });
});
