import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeUnfinished, writeAtomically } from "../../../../services/common/files/atomic-write.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-atomic-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("an atomic write", () => {
  test("keeps the complete old and new content side by side before the replacement", async () => {
    const path = join(folder, "a");
    await writeFile(path, "old");
    let beside: string[] = [];
    await writeAtomically(path, "new", {
      replace: true,
      beforeReplace: async () => {
        const names = (await readdir(folder)).filter((name) => name !== "a");
        beside = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
        expect(await readFile(path, "utf8")).toBe("old");
      },
    });
    expect(beside).toEqual(["new"]);
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(folder)).toEqual(["a"]);
  });

  test("changes and leaves nothing if it fails", async () => {
    const path = join(folder, "a");
    await writeFile(path, "old");
    const failing = writeAtomically(path, "new", {
      replace: true,
      beforeReplace: () => Promise.reject(new Error("no")),
    });
    await expect(failing).rejects.toThrow("no");
    await expect(writeAtomically(path, "new", { replace: false })).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a"]);
  });

  test("sets the requested permissions", async () => {
    await writeAtomically(join(folder, "a"), "secret", { replace: false, mode: 0o600 });
    expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o600);
  });

  test("is cleaned up after a crash: removeUnfinished deletes its temporary files and nothing else", async () => {
    for (const name of ["a", "a.new-12", "a.new-0a1b2c3d4e5f", "a.new", "a.new-x", "b.newer-1"]) {
      await writeFile(join(folder, name), "");
    }
    await removeUnfinished(folder);
    expect((await readdir(folder)).sort()).toEqual(["a", "a.new", "a.new-x", "b.newer-1"]);
  });
});
