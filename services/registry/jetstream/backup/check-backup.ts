import { UncoupleError } from "../../../common/errors.ts";
import { sha256 } from "../../../common/files/digest.ts";
import { checkName } from "../../names.ts";
import { BACKUP_DOCUMENT, type BackupDocument, type BackupFile, parseBackupDocument } from "./backup-document.ts";
import { readTar } from "./tar.ts";

/**
 * Reads a whole backup and compares every file with its digest.
 * @param name the file as the user named it
 * @throws UncoupleError `invalid-argument` if it cannot be read; `data-loss` if something is missing or damaged;
 *   `failed-precondition` if a newer version wrote it; the signal's reason
 */
export async function checkBackup(path: string, name: string, signal: AbortSignal): Promise<BackupDocument> {
  const found = new Map<string, string>();
  let document: BackupDocument | undefined;
  for await (const file of readTar(path, name)) {
    signal.throwIfAborted();
    if (file.path === BACKUP_DOCUMENT) document = parseBackupDocument(file.bytes);
    else found.set(file.path, await sha256(file.bytes));
  }
  if (document === undefined) {
    throw new UncoupleError("data-loss", `${name} is not a complete backup: it has no ${BACKUP_DOCUMENT}`);
  }
  checkName("pipeline", document.pipeline);
  for (const { path: wanted, sha256: digest } of filesOf(document)) {
    const actual = found.get(wanted);
    if (actual === digest) continue;
    const trouble = actual === undefined ? `${wanted} is missing` : `${wanted} has SHA-256 ${actual}, not ${digest}`;
    throw new UncoupleError("data-loss", `${name} is damaged: ${trouble}`);
  }
  return document;
}

function filesOf({ logs, models, extras }: BackupDocument): readonly BackupFile[] {
  return [...logs.flatMap(({ files }) => files), ...models, ...extras];
}
