import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { PartPlace } from "./part-place.ts";
import { SIMULATION } from "./part-store.ts";

/** The folder of a simulation's parts, in its folder of results. */
const PARTS = "parts";

/**
 * The place of parts in a folder of results. Reading throws `invalid-argument` if a file cannot be read; writing creates the
 * folder, and throws `invalid-argument` if it cannot be used and `resource-exhausted` if the disk is full.
 *
 * @param within the name of a simulation that belongs to the main one; default: the main one
 */
export function partFolder(folder: string, within = ""): PartPlace {
  const path = join(folder, PARTS, within);
  return {
    kind: "folder",
    path,
    async read(name) {
      const file = join(path, name);
      try {
        return [await readFile(file, "utf8")];
      } catch (cause) {
        if (errorCode(cause) === "ENOENT") return [];
        throw new UncoupleError("invalid-argument", `cannot read ${file}: ${fileTrouble(cause)}`, { cause });
      }
    },
    async write(name, text) {
      const file = join(path, name);
      await makeFolder(path);
      await writeWhole(file, file, text, true);
    },
  };
}

/** Removes all parts in a folder of results. */
export async function clearPartFolder(folder: string): Promise<void> {
  const path = join(folder, PARTS);
  // The parts first: while any is left, it is known what it is a part of.
  for (const name of await readdir(path)) {
    if (name !== SIMULATION) await rm(join(path, name), { recursive: true, force: true });
  }
  await rm(path, { recursive: true, force: true });
}
