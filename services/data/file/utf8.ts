import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";

const NEWLINE = 0x0a;

/** The 1-based number of the first line that is not valid UTF-8; undefined if all lines are, or for Parquet. */
export async function firstLineNotUtf8(path: string): Promise<number | undefined> {
  let line = 1;
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    if (line === 1 && bytes.subarray(0, 4).toString("latin1") === "PAR1") return undefined;
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const found = lineNotUtf8(bytes.subarray(0, end), line);
    if (found !== undefined) return found;
    line += countLines(bytes.subarray(0, end));
    rest = bytes.subarray(end);
  }
  return lineNotUtf8(rest, line);
}

function lineNotUtf8(bytes: Buffer, first: number): number | undefined {
  if (isUtf8(bytes)) return undefined;
  let line = first;
  for (let start = 0; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline + 1;
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end;
  }
  return undefined;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
