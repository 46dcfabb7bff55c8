import { UncoupleError } from "../errors.ts";
import { writeAtomically } from "./atomic-write.ts";
import { errorCode } from "./file-trouble.ts";

/**
 * Replaces a file in a state folder. After a crash it holds either the complete old content or the complete new one.
 * @param beforeReplace called once the new content is safe on disk under a temporary name
 * @throws UncoupleError `resource-exhausted` (disk full), `failed-precondition` (folder not writable)
 */
export async function writeDurably(
  path: string,
  content: Uint8Array | string,
  beforeReplace?: () => Promise<void>,
): Promise<void> {
  try {
    await writeAtomically(path, content, { replace: true, ...(beforeReplace !== undefined && { beforeReplace }) });
  } catch (thrown) {
    throw fileError(path, thrown);
  }
}

/** Converts a failure on a file in the state folder into a typed error with the path and what to do. */
export function fileError(path: string, thrown: unknown): UncoupleError {
  if (thrown instanceof UncoupleError) return thrown;
  const code = errorCode(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") {
    const message = `${path}: the disk that holds the state folder is full; free some space or use another folder`;
    return new UncoupleError("resource-exhausted", message, { cause: thrown });
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new UncoupleError("failed-precondition", `${path}: cannot use the state folder: ${why}`, {
    cause: thrown,
  });
}
