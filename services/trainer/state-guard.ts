import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { writeAtomically } from "../common/files/atomic-write.ts";
import { fileError } from "../common/files/durable-file.ts";
import { errorCode } from "../common/files/file-trouble.ts";
import type { Leases } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";

export interface StateGuardDeps {
  readonly leases: Pick<Leases, "claim">;
  /** Begins the lease's name: an account may be limited to the leases of its components. */
  readonly component: string;
  /** Names this trainer as the lease's holder. */
  readonly holder: string;
  readonly log: Logger;
}

/**
 * Holds a lease on a state folder until the signal aborts, besides the lock in the folder: on some shared volumes, links
 * and modification times do not behave as the lock needs. The lease may be lost in an outage of NATS; training continues,
 * and the lease is claimed again. The claim does not delay the start: a trainer that was killed keeps its lease for a few
 * seconds.
 *
 * @throws UncoupleError `conflict` if another living trainer holds the lease; as `fileError` if the folder's id cannot be
 *   read or written
 */
export async function guardState(folder: string, deps: StateGuardDeps, signal: AbortSignal): Promise<void> {
  const name = `${deps.component}.state-${await folderId(folder)}`;
  while (!signal.aborted) {
    const lease = await deps.leases.claim(name, deps.holder, signal).catch((cause: unknown) => {
      const error = asUncoupleError(cause);
      const inUse = `${folder} is in use by another trainer: ${error.message}; stop it or use another folder`;
      throw error.code === "conflict" ? new UncoupleError("conflict", inUse, { cause }) : error;
    });
    await aborted(AbortSignal.any([signal, lease.lost]));
    if (signal.aborted) await lease.release();
    else deps.log.warn(`lost the lease of ${folder}; claiming it again`);
  }
}

/** Identifies the folder wherever it is mounted. */
async function folderId(folder: string): Promise<string> {
  const path = join(folder, "id");
  const read = async () => (await readFile(path, "utf8")).trim();
  try {
    return await read();
  } catch (thrown) {
    if (errorCode(thrown) !== "ENOENT") throw fileError(path, thrown);
  }
  try {
    await writeAtomically(path, `${randomBytes(12).toString("hex")}\n`, { replace: false });
  } catch (thrown) {
    if (errorCode(thrown) !== "EEXIST") throw fileError(path, thrown);
  }
  return read();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
