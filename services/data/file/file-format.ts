import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import type { FileFormat } from "../../pipeline/pipeline.ts";
import { dataError } from "./database.ts";
import { namedFormat } from "./file-list.ts";
import { firstLineNotUtf8 } from "./utf8.ts";

/** First bytes of gzip and Zstandard files, which DuckDB decompresses. */
const COMPRESSED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

/**
 * Detects the format by the first bytes. The name decides for compressed files, and for lines of which the first is no JSON.
 * @param setting what precedes the path in messages: `data.path: `, or nothing
 * @throws UncoupleError `not-found` (no such file), `invalid-argument` (a folder, empty, binary, but not Parquet, a JSON array)
 */
export async function detectFormat(path: string, setting: string): Promise<FileFormat> {
  const found = await stat(path).catch((error: unknown) => {
    throw new UncoupleError("not-found", `${setting}file not found or not readable: ${path}`, { cause: error });
  });
  if (!found.isFile()) {
    const what = found.isDirectory() ? "a folder" : "not a regular file";
    throw new UncoupleError("invalid-argument", `${setting}${path} is ${what}; must be a file of rows`);
  }
  if (found.size === 0) throw new UncoupleError("invalid-argument", `${setting}${path} is empty`);
  const handle = await open(path).catch((error: unknown) => {
    throw new UncoupleError("invalid-argument", `${setting}${path} cannot be opened`, { cause: error });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.subarray(0, 4).toString("latin1") === "PAR1") return "parquet";
    const name = basename(path);
    if (/\.(parquet|pq)$/i.test(name)) {
      throw new UncoupleError("invalid-argument", `${setting}${path} is not a valid Parquet file`);
    }
    const compressed = COMPRESSED.some((magic) => head.subarray(0, magic.length).equals(magic));
    if (!compressed && head.includes(0)) {
      throw new UncoupleError(
        "invalid-argument",
        `${setting}${path} is a binary file, but not Parquet; export the table as Parquet or as CSV in UTF-8`,
      );
    }
    const text = head.toString("utf8").replace(/^\uFEFF/, "");
    if (namedFormat(name) !== "jsonl") return !compressed && /^\s*\{/.test(text) ? "jsonl" : "csv";
    if (!compressed && /^\s*\[/.test(text)) {
      throw new UncoupleError(
        "invalid-argument",
        `${setting}${path} is a JSON array; write one object per line instead`,
      );
    }
    return "jsonl";
  } finally {
    await handle.close();
  }
}

/** Explains the internal error that DuckDB 1.5 can raise on a CSV file that is not UTF-8. */
export async function explained(path: string, error: unknown): Promise<UncoupleError> {
  if (error instanceof UncoupleError) return error;
  const text = error instanceof Error ? error.message : "";
  const line = /INTERNAL|unicode/i.test(text) ? await firstLineNotUtf8(path) : undefined;
  if (line === undefined) return dataError(path, error);
  const what = `line ${line} is not valid UTF-8; save the file as UTF-8`;
  return new UncoupleError("invalid-argument", `${path}: ${what}`, { cause: error });
}
