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
  test("makes those above it, too, and leaves one that is there", async () => {
    await mkdir(join(dir, "a"));
    await makeFolder(join(dir, "a", "b", "c"));
    await writeFile(join(dir, "a", "b", "c", "file"), "kept");
    await makeFolder(join(dir, "a", "b", "c"));
    expect((await stat(join(dir, "a", "b", "c", "file"))).size).toBe(4);
  });

  test("of several at once gives all of them the folder", async () => {
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(dir, "x", "y", "z"))));
    expect((await stat(join(dir, "x", "y", "z"))).isDirectory()).toBe(true);
  });

  test.each([
    ["taken", "there is a file of that name"],
    ["taken/below", "a part of the path is a file"],
    [`${"n".repeat(300)}/below`, "the name is too long"],
  ])("says why %s cannot be one", async (name, why) => {
    await writeFile(join(dir, "taken"), "");
    const path = join(dir, name);
    await expect(makeFolder(path)).rejects.toMatchObject({
      code: "invalid-argument",
      message: `${path} cannot be used as a folder: ${why}`,
    });
  });

  test("ends where the file system denies that the folder above is there", async () => {
    await expect(makeFolder("/proc/nowhere/below")).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/^\/proc\/nowhere\/below cannot be used as a folder: /),
    });
  });
});
