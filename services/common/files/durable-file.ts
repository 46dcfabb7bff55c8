import { UncoupleError } from "../errors.ts";
import { writeAtomically } from "./atomic-write.ts";
import { errorCode } from "./file-trouble.ts";

/**
 * Replaces a file of a state folder so that after a crash it holds either the old content or the new one, whole.
 * @param beforeReplace runs when the new content is safe on disk under another name
 * @throws UncoupleError `resource-exhausted` (disk full), `failed-precondition` (the folder cannot be written to)
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

/** What went wrong with a file of the state folder, typed, with the path and what to do. */
export function fileError(path: string, thrown: unknown): UncoupleError {
  if (thrown instanceof UncoupleError) return thrown;
  const code = errorCode(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") {
    const message = `${path}: the disk of the state folder is full; make room, or choose another folder`;
    return new UncoupleError("resource-exhausted", message, { cause: thrown });
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new UncoupleError("failed-precondition", `${path}: the state folder cannot be used: ${why}`, {
    cause: thrown,
  });
}
