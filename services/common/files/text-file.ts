import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { UncoupleError } from "../errors.ts";
import { errorCode, fileTrouble } from "./file-trouble.ts";

/** Pipeline and team files are written by hand. */
const MOST_BYTES = 1_048_576;

/** A text, or why there is none, as what follows the file's name in a sentence. */
export type TextFile = { readonly text: string } | { readonly refused: string; readonly missing: boolean };

/** Reads a file that somebody wrote by hand: UTF-8, at most 1 MiB. */
export async function readTextFile(path: string): Promise<TextFile> {
  const refuse = (refused: string, missing = false) => ({ refused, missing });
  let bytes: Buffer;
  try {
    // No further, because a device may have no end. `end` is inclusive.
    bytes = Buffer.concat(await createReadStream(path, { end: MOST_BYTES }).toArray());
  } catch (thrown) {
    return refuse(`cannot be read: ${fileTrouble(thrown)}`, errorCode(thrown) === "ENOENT");
  }
  if (bytes.length > MOST_BYTES) return refuse(`has more than ${MOST_BYTES} bytes, which no such file has`);
  return isUtf8(bytes) && !bytes.includes(0) ? { text: bytes.toString() } : refuse("is not a text file in UTF-8");
}

/**
 * The text of a file that a service needs.
 * @param what for the message: `pipeline file`
 * @throws UncoupleError `not-found`; `invalid-argument` for what is there and cannot be such a file
 */
export async function requireTextFile(what: string, path: string): Promise<string> {
  const file = await readTextFile(path);
  if ("text" in file) return file.text;
  if (file.missing) throw new UncoupleError("not-found", `there is no ${what} ${path}`);
  throw new UncoupleError("invalid-argument", `${what} ${path} ${file.refused}`);
}
