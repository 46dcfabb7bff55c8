import { createRetry } from "../../common/async/retry.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { EntryKind, LedgerEntry, Release } from "../../pipeline/release.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { Ledger } from "../ledger.ts";
import { readers } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/** The subject of each kind of entry; those of followers have one each. */
export function ledgerSubject({ subject }: Pick<LogNames, "subject">, kind: EntryKind, follower?: string): string {
  const of = `${subject}.${kind}`;
  return kind === "served" ? `${of}.${follower ?? "*"}` : of;
}

/** One stream, with one subject for each kind of entry, appended to by compare-and-set. */
export function createJetStreamLedger(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  pipeline: string,
  retryLimitMs: number,
): Ledger {
  let newest: Logged<Release> | undefined;
  /** Why this version cannot read the newest release. */
  let newer: string | undefined;
  const ends = new Map<EntryKind, number>();
  const subjectOf = (entry: LedgerEntry) =>
    ledgerSubject(names, entry.entry, entry.entry === "served" ? entry.follower : undefined);
  const releases = ledgerSubject(names, "release");
  const entries = createReplicatedLog<LedgerEntry>(connection, log, names, {
    decode: readers.ledgerEntry,
    take({ sequence, subject }, read) {
      if ("wrong" in read) {
        if (read.newer && subject === releases) newer = read.wrong;
        return read.wrong;
      }
      const { value } = read;
      if (subject !== subjectOf(value)) return `it does not belong on ${subject}`;
      if (value.pipeline !== pipeline) return `it is of pipeline ${value.pipeline}`;
      if (value.entry === "release") {
        const last = newest?.value.number ?? 0;
        if (value.number !== last + 1) return `it is release ${value.number}, after ${last === 0 ? "none" : last}`;
        newest = { position: sequence, value };
        newer = undefined;
      }
      ends.set(value.entry, sequence);
      return undefined;
    },
  });
  /** @returns whether the server has the ledger: stores of earlier versions get it from the first service of this one */
  const sync = async (): Promise<boolean> => {
    try {
      await entries.sync();
    } catch (error) {
      if (isJetStreamError(error, JetStreamCode.streamNotFound)) return false;
      throw error;
    }
    return true;
  };
  return {
    async release() {
      if (!(await sync())) return undefined;
      if (newer !== undefined) {
        throw new UncoupleError("failed-precondition", `the release in force cannot be read: ${newer}`);
      }
      return newest;
    },
    end: async () => ((await sync()) ? entries.end() : 0),
    endOf: async (kind) => ((await sync()) ? (ends.get(kind) ?? 0) : 0),
    async append(entry, after) {
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      await retry.run(() => entries.sync());
      const subject = subjectOf(entry);
      for (;;) {
        if (after !== undefined && after !== (ends.get(entry.entry) ?? 0)) return undefined;
        if (entry.entry === "release" && entry.number !== (newest?.value.number ?? 0) + 1) return undefined;
        if (await entries.append(subject, entry, entries.lastSequence(subject), retry)) return ends.get(entry.entry);
      }
    },
    async *read(from) {
      if (await sync()) yield* entries.read(from);
    },
    watch: (from, signal) => entries.watch(from, signal),
  };
}
