import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { UncoupleError } from "../errors.ts";
import { errorCode, fileTrouble } from "./file-trouble.ts";

/** Pipeline and team files are written by hand. */
const MAX_BYTES = 1_048_576;

/** The text, or why it cannot be had, phrased to follow the file's name in a sentence. */
export type TextFile = { readonly text: string } | { readonly refused: string; readonly missing: boolean };

/** Reads a handwritten UTF-8 file of at most 1 MiB. */
export async function readTextFile(path: string): Promise<TextFile> {
  const refuse = (refused: string, missing = false) => ({ refused, missing });
  let bytes: Buffer;
  try {
    // Stop after the limit, because a device may be endless. `end` is inclusive.
    bytes = Buffer.concat(await createReadStream(path, { end: MAX_BYTES }).toArray());
  } catch (thrown) {
    return refuse(`cannot be read: ${fileTrouble(thrown)}`, errorCode(thrown) === "ENOENT");
  }
  if (bytes.length > MAX_BYTES) return refuse(`exceeds the limit of ${MAX_BYTES} bytes`);
  return isUtf8(bytes) && !bytes.includes(0) ? { text: bytes.toString() } : refuse("is not a UTF-8 text file");
}

/**
 * Reads a text file that a service requires.
 * @param what the kind of file, for the message: `pipeline file`
 * @throws UncoupleError `not-found`; `invalid-argument` if the file cannot be read, is too large or is not UTF-8
 */
export async function requireTextFile(what: string, path: string): Promise<string> {
  const file = await readTextFile(path);
  if ("text" in file) return file.text;
  if (file.missing) throw new UncoupleError("not-found", `${what} ${path} not found`);
  throw new UncoupleError("invalid-argument", `${what} ${path} ${file.refused}`);
}
