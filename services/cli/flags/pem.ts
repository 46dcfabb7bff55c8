import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { fileTrouble } from "../../common/files/file-trouble.ts";
import type { CliContext } from "../context/context.ts";

/** Reads a certificate or key in PEM format. @throws UncoupleError `invalid-argument` */
export async function readPem(context: CliContext, file: string): Promise<Buffer> {
  try {
    return await readFile(resolve(context.cwd, file));
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${file} cannot be read: ${fileTrouble(cause)}`, { cause });
  }
}
