import { createRetry } from "../../common/async/retry.ts";
import type { WriteOnceLog } from "../backplane.ts";
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
  /** Undefined: only a newer version can read it. */
  const bySubject = new Map<string, T | undefined>();
  const entries = createReplicatedLog<T>(connection, names, (message) => {
    const { subject: at } = message;
    const leftOut = (why: string) => {
      log("warn", `${names.stream} ${message.sequence} (${at}) left out: ${why}`);
      return undefined;
    };
    const parsed = reader(message.data);
    if (bySubject.has(at)) return leftOut("there is one already");
    if ("wrong" in parsed) {
      if (parsed.newer) bySubject.set(at, undefined);
      return leftOut(parsed.wrong);
    }
    const { component, serial } = parsed.value;
    if (at !== subject(component, serial)) return leftOut(`it is of ${component}@${serial}`);
    bySubject.set(at, parsed.value);
    return parsed.value;
  });
  return {
    async append(value) {
      checkName("component", value.component);
      const at = subject(value.component, value.serial);
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      await entries.sync();
      while (!bySubject.has(at)) {
        if (await entries.append(at, value, entries.lastSequence(at), retry)) return true;
      }
      return false;
    },
    async get(component, serial) {
      const at = subject(component, serial);
      if (!bySubject.has(at)) await entries.sync();
      return bySubject.get(at);
    },
    async list() {
      await entries.sync();
      return entries.entries.map(({ value }) => value);
    },
    watch: (from, signal) => entries.watch(from, signal),
  };
}
