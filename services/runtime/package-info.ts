import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UncoupleError } from "../common/errors.ts";

export interface PackageInfo {
  /** The folder of package.json, absolute. */
  readonly root: string;
  readonly version: string;
}

/** Uncouple's own package, found from this file upwards, so that it works from source and from dist alike. */
export function packageInfo(): PackageInfo {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; version?: unknown };
      if (name === "uncouple" && typeof version === "string") return { root: folder, version };
    }
    if (folder === dirname(folder)) {
      throw new UncoupleError("internal", `no package.json of uncouple above ${import.meta.dirname}`);
    }
  }
}
