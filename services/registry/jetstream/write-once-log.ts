import { createRetry } from "../../common/async/retry.ts";
import type { WriteOnceLog } from "../backplane.ts";
import { collect } from "../logged.ts";
import { checkName } from "../names.ts";
import type { Reader } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/**
 * One subject per component and serial; the first message counts that this version or a newer one can read. What only a
 * newer version can read is an entry without a value here, so that both versions agree on who came first.
 */
export function createJetStreamOnceLog<T extends { readonly component: string; readonly serial: number }>(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  reader: Reader<T>,
  retryLimitMs: number,
): WriteOnceLog<T> {
  const subject = (component: string, serial: number) => `${names.subject}.${component}.${serial}`;
  /** The position of each entry; undefined: only a newer version can read it. */
  const bySubject = new Map<string, number | undefined>();
  const entries = createReplicatedLog<T>(connection, log, names, {
    decode: reader,
    take({ sequence, subject: at }, read) {
      if (bySubject.has(at)) return "there is one already";
      if ("wrong" in read) {
        if (read.newer) bySubject.set(at, undefined);
        return read.wrong;
      }
      const { component, serial } = read.value;
      if (at !== subject(component, serial)) return `it is of ${component}@${serial}`;
      bySubject.set(at, sequence);
      return undefined;
    },
  });
  return {
    async append(value, traceparent) {
      checkName("component", value.component);
      const at = subject(value.component, value.serial);
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      await retry.run(() => entries.sync());
      while (!bySubject.has(at)) {
        if (await entries.append(at, value, entries.lastSequence(at), retry, traceparent)) return true;
      }
      return false;
    },
    async get(component, serial) {
      // Also for an entry that is known: it may have been removed.
      await entries.sync();
      const position = bySubject.get(subject(component, serial));
      return position === undefined ? undefined : entries.find(position);
    },
    async list() {
      await entries.sync();
      return collect(entries.read(0));
    },
    async end() {
      await entries.sync();
      return entries.end();
    },
    async *read(from) {
      await entries.sync();
      yield* entries.read(from);
    },
    watch: (from, signal) => entries.watch(from, signal),
  };
}
