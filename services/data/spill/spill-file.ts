import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";

/** Rows of float32 numbers in a file, [rows * width], row-major. Plain data, so that another process can read it, too. */
export interface SpilledMatrix {
  readonly path: string;
  readonly rows: number;
  readonly width: number;
}

/** Appends rows to a file. Calls must not overlap. */
export interface SpillWriter {
  /** @throws UncoupleError `resource-exhausted` if the disk is full */
  append(values: Float32Array | Int32Array): Promise<void>;
  /** Closes the file. Further calls return the same. @returns the number of values */
  finish(): Promise<number>;
}

/** Rows that are read at a time: 5 MB of 20 numbers. A multiple of every batch in which models predict. */
export const SPILL_BLOCK_ROWS = 65_536;

/** @throws UncoupleError `resource-exhausted`, `invalid-argument` if the file cannot be created */
export async function writeSpill(path: string): Promise<SpillWriter> {
  const file = await openSpill(path, "wx");
  let values = 0;
  let closed: Promise<void> | undefined;
  return {
    async append(appended) {
      await writeAt(file, path, appended, 4 * values);
      values += appended.length;
    },
    async finish() {
      closed ??= file.close();
      await closed;
      return values;
    },
  };
}

/** @param flags as those of `open` @throws UncoupleError as `writeSpill` */
export async function openSpill(path: string, flags: "r" | "wx" | "wx+"): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o600);
  } catch (thrown) {
    throw spillError(path, thrown);
  }
}

/** Writes values at a byte offset. @throws UncoupleError `resource-exhausted` if the disk is full */
export async function writeAt(
  file: FileHandle,
  path: string,
  values: Float32Array | Int32Array | Uint8Array,
  offset: number,
): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    }
  } catch (thrown) {
    throw spillError(path, thrown);
  }
}

/** Fills values from a byte offset on. @throws UncoupleError `data-loss` if the file ends before */
export async function readAt(
  file: FileHandle,
  path: string,
  values: Float32Array | Int32Array,
  offset: number,
): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) throw new UncoupleError("data-loss", `the spilled rows in ${path} are incomplete`);
    done += bytesRead;
  }
}

/** Reads the rows of a matrix in order, `SPILL_BLOCK_ROWS` at a time. Each block is an array of its own. */
export async function* spilledBlocks({ path, rows, width }: SpilledMatrix): AsyncGenerator<Float32Array> {
  const file = await openSpill(path, "r");
  try {
    for (let from = 0; from < rows; from += SPILL_BLOCK_ROWS) {
      const block = new Float32Array(width * Math.min(SPILL_BLOCK_ROWS, rows - from));
      await readAt(file, path, block, 4 * width * from);
      yield block;
    }
  } finally {
    await file.close();
  }
}

const CHUNK_BYTES = 1024 * 1024;

/** Reads the bytes of a file in order, 1 MiB at a time. */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await openSpill(path, "r");
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function spillError(path: string, thrown: unknown): UncoupleError {
  return new UncoupleError(
    fileErrorCode(thrown),
    `cannot spill rows to ${dirname(path)}: ${fileTrouble(thrown)}; free space there, or raise --memory-limit`,
    { cause: thrown },
  );
}
