import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UncoupleError } from "../common/errors.ts";

export interface PackageInfo {
  /** Absolute path of the folder of package.json. */
  readonly root: string;
  readonly version: string;
}

/** Finds Uncouple's package.json above this file, from source as well as from dist. */
export function packageInfo(): PackageInfo {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; version?: unknown };
      if (name === "uncouple" && typeof version === "string") return { root: folder, version };
    }
    if (folder === dirname(folder)) {
      throw new UncoupleError("internal", `package.json of uncouple not found above ${import.meta.dirname}`);
    }
  }
}
