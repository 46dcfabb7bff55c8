import { stat } from "node:fs/promises";
import { UncoupleError } from "../../common/errors.ts";
import { FILE_FORMATS, type FileFormat } from "../../pipeline/pipeline.ts";
import type { Database } from "./database.ts";
import { escapedGlob, type FilePlace } from "./file-place.ts";
import { literal, sqlList } from "./sql.ts";

/** A state of files. */
export interface FileList {
  /** In the order in which their rows are read. */
  readonly paths: readonly string[];
  /** Differs if a file was added, removed or written. */
  readonly version: string;
}

/** What a file's name says about its format, apart from compression. */
const EXTENSIONS: Readonly<Record<FileFormat, RegExp>> = {
  csv: /\.(csv|tsv|txt)(\.(gz|zst))?$/i,
  jsonl: /\.(jsonl|ndjson|json)(\.(gz|zst))?$/i,
  parquet: /\.(parquet|pq)$/i,
};

/** The format that a file's name says; undefined if it says none. */
export function namedFormat(path: string): FileFormat | undefined {
  return FILE_FORMATS.find((format) => EXTENSIONS[format].test(path));
}

/**
 * Lists the files of a folder or glob, in the order of their names. Files and folders whose names begin with a dot or an
 * underscore are left out, as Spark and Hive do: `_SUCCESS`, `_temporary`; of a folder, so are files of unknown formats.
 * @param format the format of the rows; undefined if the names decide
 * @throws UncoupleError `not-found` (no such files), `invalid-argument` (files of different or unknown formats); DuckDB's own
 *   error
 */
export async function listFiles(
  database: Database,
  place: FilePlace & Required<Pick<FilePlace, "many">>,
  format: FileFormat | undefined,
): Promise<FileList & { readonly format: FileFormat }> {
  const { path, many, store } = place;
  const { isFolder } = many;
  const found = await versions(database, many.pattern).catch((error: unknown) => {
    if (error instanceof Error && /No files found/.test(error.message)) return [];
    throw error;
  });
  const visible = found.filter(({ file }) => !/(^|\/)[._]/.test(file.slice(many.folder.length)));
  const wanted = isFolder
    ? visible.filter(({ file }) =>
        format === undefined ? namedFormat(file) !== undefined : namedFormat(file) === format,
      )
    : visible;
  const [first] = wanted;
  if (first === undefined) {
    const what = `${isFolder ? "has no files" : "matches no files"} ${format === undefined ? "of rows (CSV, JSON lines, Parquet)" : `of format ${format}`}`;
    throw new UncoupleError("not-found", `data.path: ${path} ${what}`);
  }
  const of = format ?? namedFormat(first.file);
  if (of === undefined) {
    throw new UncoupleError("invalid-argument", `data.path: ${path}: set data.format, which the names do not tell`);
  }
  const empty = wanted.find(({ size }) => of !== "jsonl" && String(size) === "0");
  if (empty !== undefined) {
    const message = `data.path: ${path} has an empty file, without a header: ${shortened(empty.file, many.folder)}`;
    throw new UncoupleError("failed-precondition", message);
  }
  const other = wanted.find(({ file }) => format === undefined && namedFormat(file) !== of);
  if (other !== undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `data.path: ${path} has files of different formats (${shortened(first.file, many.folder)}, ${shortened(other.file, many.folder)}); set data.format or use a glob`,
    );
  }
  // DuckDB takes a name for a glob unless there is such a file, which it can tell of local ones only.
  const paths = wanted.map(({ file }) => (store === "local" ? file : escapedGlob(file)));
  return { paths, version: JSON.stringify(wanted), format: of };
}

/** The state of files that are known already. @throws DuckDB's own error, also if one is gone */
export async function versionOf(database: Database, paths: readonly string[]): Promise<string> {
  return JSON.stringify(await versions(database, paths));
}

async function versions(database: Database, files: string | readonly string[]) {
  const list = typeof files === "string" ? literal(files) : sqlList(files);
  const rows = await database.rows(`SELECT filename, size, last_modified FROM read_blob(${list}) ORDER BY filename`);
  return rows.map(([file, size, modified]) => ({ file: String(file), size, modified }));
}

/** The state of local files, to the nanosecond; undefined if one of them cannot be looked at. */
export async function stampOf(paths: readonly string[]): Promise<string | undefined> {
  try {
    const states = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
    return states
      .map(({ ino, size, mtimeNs, ctimeNs }, i) => [paths[i], ino, size, mtimeNs, ctimeNs].join(" "))
      .join("\n");
  } catch {
    return undefined;
  }
}

/** A file as messages about a folder show it. */
export function shortened(file: string, folder: string): string {
  return file.startsWith(folder) ? file.slice(folder.length) : file;
}
