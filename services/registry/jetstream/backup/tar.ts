import { createReadStream } from "node:fs";
import { extract, pack } from "tar-stream";
import type { Clock } from "../../../common/clock/clock.ts";
import { UncoupleError } from "../../../common/errors.ts";
import { errorCode, fileErrorCode, fileTrouble } from "../../../common/files/file-trouble.ts";

/** A file in a tar archive. */
export interface TarFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The bytes of a tar archive. Takes a file when the one before has been read. Fails as the iteration of the files fails. */
export async function* tarOf(files: AsyncIterable<TarFile>, clock: Clock): AsyncGenerator<Uint8Array, void, undefined> {
  const tar = pack();
  const add = ({ path, bytes }: TarFile) =>
    new Promise<void>((resolve, reject) => {
      const header = { name: path, size: bytes.length, mode: 0o600, mtime: new Date(clock.now()) };
      tar.entry(header, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), (error) =>
        error instanceof Error ? reject(error) : resolve(),
      );
    });
  const fill = async () => {
    for await (const file of files) await add(file);
    tar.finalize();
  };
  // Iterating throws it, too.
  tar.on("error", () => {});
  const filled = fill().catch((error: Error) => void tar.destroy(error));
  try {
    yield* tar;
  } finally {
    tar.destroy();
    await filled;
  }
}

/**
 * Reads the files of a tar archive, in order.
 * @param name the archive as the user named it
 * @throws UncoupleError `invalid-argument` if it cannot be read, `data-loss` if it is no complete archive
 */
export async function* readTar(path: string, name: string): AsyncGenerator<TarFile, void, undefined> {
  const source = createReadStream(path);
  const tar = extract();
  source.on("error", (error) => tar.destroy(error));
  try {
    for await (const entry of source.pipe(tar)) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk);
      yield { path: entry.header.name, bytes: Buffer.concat(chunks) };
    }
  } catch (cause) {
    if (cause instanceof UncoupleError) throw cause;
    if (errorCode(cause) !== undefined) {
      throw new UncoupleError(fileErrorCode(cause), `${name} cannot be read: ${fileTrouble(cause)}`, { cause });
    }
    throw new UncoupleError("data-loss", `${name} is not a complete backup: it is cut off, or no tar archive`, {
      cause,
    });
  } finally {
    source.destroy();
  }
}
