import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";

/** Where `data.path` points to. */
export interface FilePlace {
  /** For messages, and what DuckDB opens if it is one file. */
  readonly path: string;
  readonly store: "local" | "s3" | "gs" | "https";
  /** Set unless the path is one file. */
  readonly many?: {
    /** A glob of all files. */
    readonly pattern: string;
    /** Whether the path is a folder: everything in it counts. */
    readonly isFolder: boolean;
    /** The folder above them, which ends with a slash. */
    readonly folder: string;
  };
}

const GLOB = /[*?[\]]/;

/**
 * Resolves `data.path`. Only local paths are looked up.
 * @param baseDir the folder that a relative path is relative to
 * @throws UncoupleError `invalid-argument` for a URL of another kind, with credentials, or that leaves its folder
 */
export async function locateFiles(path: string, baseDir: string): Promise<FilePlace> {
  const scheme = /^(\w+):\/\//.exec(path)?.[1]?.toLowerCase();
  if (scheme === undefined) return locateLocal(resolve(baseDir, path));
  const refuse = (why: string) => new UncoupleError("invalid-argument", `data.path: ${why}`);
  if (scheme === "https") {
    const url = URL.canParse(path) ? new URL(path) : undefined;
    if (url === undefined) throw refuse("not a valid URL");
    if (url.username !== "" || url.password !== "" || url.search !== "") {
      throw refuse(
        "must not have credentials or a query string, which may be one; they would be stored with the pipeline file",
      );
    }
    if (GLOB.test(url.pathname) || url.pathname.endsWith("/"))
      throw refuse("https:// has no folders or globs; name one file");
    return { path: url.href, store: "https" };
  }
  if (scheme !== "s3" && scheme !== "gs") {
    throw refuse(`unsupported scheme ${scheme}://; available: s3, gs, https, or a local path`);
  }
  const place = `${scheme}://${path.slice(path.indexOf("://") + 3)}`;
  if (/\/\.{1,2}(\/|$)/.test(place)) throw refuse("must not have . or .. between its slashes");
  if (place.includes("?")) throw refuse("must not have a ?, after which DuckDB expects credentials");
  if (!/^\w+:\/\/[^/*?[\]@:]+\/./.test(place))
    throw refuse(`must be like ${scheme}://BUCKET/FOLDER/ or ${scheme}://BUCKET/FILE`);
  const many = place.endsWith("/") ? everythingIn(place) : globbed(place);
  return { path: place, store: scheme, ...(many !== undefined && { many }) };
}

async function locateLocal(path: string): Promise<FilePlace> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return { path, store: "local", many: everythingIn(`${path}/`) };
  const many = found === undefined ? globbed(path) : undefined;
  return { path, store: "local", ...(many !== undefined && { many }) };
}

function everythingIn(folder: string): NonNullable<FilePlace["many"]> {
  return { pattern: `${escapedGlob(folder)}**`, folder, isFolder: true };
}

/** A glob that matches this path only. */
export function escapedGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}

function globbed(path: string): FilePlace["many"] {
  const at = path.search(GLOB);
  if (at === -1) return undefined;
  return { pattern: path, folder: `${dirname(`${path.slice(0, at)}x`)}/`, isFolder: path.endsWith("/**") };
}
