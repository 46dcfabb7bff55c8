import { timestamp } from "../../../common/clock/clock.ts";
import { UncoupleError } from "../../../common/errors.ts";
import { sha256 } from "../../../common/files/digest.ts";
import { throughHub } from "../hub-connection.ts";
import { createModelStore } from "../model-store.ts";
import { openNatsConnection } from "../nats-connection.ts";
import type { LinkOptions } from "../nats-link.ts";
import { findStreams, namesOf, restoringReason } from "../streams.ts";
import { BACKUP_DOCUMENT, type BackupDocument, type BackupFile, formatBackupDocument } from "./backup-document.ts";
import { READ_LIMIT_MS } from "./read-log.ts";
import { readStore } from "./read-store.ts";
import { type TarFile, tarOf } from "./tar.ts";

export interface BackUpOptions extends LinkOptions {
  readonly pipeline: string;
  readonly codeVersion: string;
  /** Put into the backup first. What they say of the store is then in the backup, too. */
  readonly extras: AsyncIterable<TarFile>;
  readonly signal: AbortSignal;
  /** Called with every model that has been read. */
  progress(done: number, total: number): void;
}

/**
 * Makes a backup of a pipeline's store: its logs with their positions, and the models of all snapshots that are not deleted,
 * each verified by its digest. Leases are left out. Services may go on.
 *
 * @param write writes the tar archive; the backup is complete when it resolves
 * @throws UncoupleError `not-found` naming the pipelines that the server has; `failed-precondition` for an account that may
 *   not read everything; `unavailable`; as `write`; the signal's reason
 */
export async function backUp(
  options: BackUpOptions,
  write: (tar: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<BackupDocument> {
  const { pipeline, clock, signal } = options;
  const names = namesOf(pipeline);
  const opened = await openNatsConnection(options);
  try {
    const connection = await throughHub(opened);
    if (connection.restricted) {
      throw new UncoupleError(
        "failed-precondition",
        `the account at ${connection.server} may not read everything; use the operator's key`,
      );
    }
    await findStreams(connection, names, pipeline);
    const restoring = await restoringReason(connection, names);
    if (restoring !== undefined) throw new UncoupleError("failed-precondition", restoring);
    const models = createModelStore(connection, names.models, READ_LIMIT_MS);
    let document: BackupDocument | undefined;
    async function* files(): AsyncGenerator<TarFile, void, undefined> {
      const extras: BackupFile[] = [];
      for await (const extra of options.extras) {
        signal.throwIfAborted();
        extras.push({ path: extra.path, size: extra.bytes.length, sha256: await sha256(extra.bytes) });
        yield extra;
      }
      const content = yield* readStore({ connection, names, models, signal, progress: options.progress });
      const { codeVersion } = options;
      document = { version: 1, pipeline, codeVersion, at: timestamp(clock), ...content, extras };
      yield { path: BACKUP_DOCUMENT, bytes: formatBackupDocument(document) };
    }
    await write(tarOf(files(), clock));
    if (document === undefined) throw new UncoupleError("internal", "the backup was not read to its end");
    return document;
  } finally {
    await opened.close();
  }
}
