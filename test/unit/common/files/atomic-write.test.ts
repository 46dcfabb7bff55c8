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
  test("has the old content and the new one, whole, side by side before it replaces", async () => {
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

  test("that fails changes nothing and leaves nothing", async () => {
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

  test("gives the permissions that were asked for", async () => {
    await writeAtomically(join(folder, "a"), "secret", { replace: false, mode: 0o600 });
    expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o600);
  });

  test("that was cut short is cleared away, and nothing else is", async () => {
    for (const name of ["a", "a.new-12", "a.new-0a1b2c3d4e5f", "a.new", "a.new-x", "b.newer-1"]) {
      await writeFile(join(folder, name), "");
    }
    await removeUnfinished(folder);
    expect((await readdir(folder)).sort()).toEqual(["a", "a.new", "a.new-x", "b.newer-1"]);
  });
});
