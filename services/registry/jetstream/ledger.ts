import { raceAbort } from "../../common/async/race-abort.ts";
import { createRetry } from "../../common/async/retry.ts";
import { isTransient, UncoupleError } from "../../common/errors.ts";
import type { LedgerEntry } from "../../pipeline/release.ts";
import type { Ledger } from "../ledger.ts";
import { checkEntry, createNewestEntries, entryKey } from "../ledger-rules.ts";
import { readers } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import { LEDGER_RIGHTS, namingRight, READ } from "./rights.ts";
import type { LogNames } from "./streams.ts";

/** How often a watch looks whether a service has created the stream. */
const ABSENT_MS = 2_000;

/** The subject of the entries with a key. @param key as `entryKey` has it */
export function ledgerSubject({ subject }: Pick<LogNames, "subject">, key: string): string {
  return `${subject}.${key}`;
}

/** One stream, with a subject for each kind of entry, each follower and each webhook, appended to by compare-and-set. */
export function createJetStreamLedger(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  pipeline: string,
  retryLimitMs: number,
): Ledger {
  const { clock, closed } = connection;
  const newest = createNewestEntries();
  /** Why this version cannot read the newest entry of a subject. */
  const newer = new Map<string, string>();
  const subjectOf = (entry: LedgerEntry) => ledgerSubject(names, entryKey(entry));
  const entries = createReplicatedLog<LedgerEntry>(connection, log, names, {
    decode: readers.ledgerEntry,
    take({ sequence, subject }, read) {
      if ("wrong" in read) {
        if (read.newer) newer.set(subject, read.wrong);
        return read.wrong;
      }
      const { value } = read;
      if (subject !== subjectOf(value)) return `it does not belong on ${subject}`;
      if (value.pipeline !== pipeline) return `it is of pipeline ${value.pipeline}`;
      if (value.entry === "release") {
        const last = newest.release()?.value.number;
        if (value.number !== (last ?? 0) + 1) return `it is release ${value.number}, after ${last ?? "none"}`;
      }
      newest.note({ position: sequence, value });
      newer.delete(subject);
      return undefined;
    },
  });
  /** @returns whether the server has the ledger: stores of earlier versions get it from the first service of this one */
  const sync = async (): Promise<boolean> => {
    try {
      await entries.sync();
    } catch (error) {
      if (isJetStreamError(error, JetStreamCode.streamNotFound)) return false;
      throw namingRight(error, READ);
    }
    return true;
  };
  const checkReadable = (subject: string, what: string) => {
    const wrong = newer.get(subject);
    if (wrong !== undefined) throw new UncoupleError("failed-precondition", `${what} cannot be read: ${wrong}`);
  };

  return {
    async release() {
      if (!(await sync())) return undefined;
      checkReadable(ledgerSubject(names, "release"), "the newest release");
      return newest.release();
    },
    end: async () => ((await sync()) ? entries.end() : 0),
    endOf: async (kind) => ((await sync()) ? newest.positionOf(kind) : 0),
    async append(entry, after) {
      checkEntry(pipeline, entry);
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      if (!(await retry.run(sync))) {
        throw new UncoupleError(
          "failed-precondition",
          `pipeline ${pipeline} has no ledger of releases yet: start an evaluator of this version, or run \`uncouple pipeline apply\``,
        );
      }
      const subject = subjectOf(entry);
      try {
        for (;;) {
          checkReadable(subject, `the newest ${entry.entry}`);
          const place = newest.place(entry, after);
          if (place !== "append") return place;
          const position = await entries.append(subject, entry, entries.lastSequence(subject), retry);
          if (position !== undefined) return position;
        }
      } catch (error) {
        throw namingRight(error, LEDGER_RIGHTS[entry.entry]);
      }
    },
    async *read(from) {
      if (await sync()) yield* entries.read(from);
    },
    async *watch(from, signal) {
      const over = AbortSignal.any([signal, closed]);
      while (!over.aborted) {
        try {
          if (await raceAbort(sync(), over)) break;
        } catch (error) {
          if (!over.aborted && !isTransient(error)) throw error;
        }
        await clock.sleep(ABSENT_MS, over).catch(() => {});
      }
      yield* entries.watch(from, signal);
    },
  };
}
