import { createRetry } from "../../common/async/retry.ts";
import type { WriteOnceLog } from "../backplane.ts";
import { checkName } from "../names.ts";
import type { Reader } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/** One subject per component and serial; the first readable message counts. */
export function createJetStreamOnceLog<T extends { readonly component: string; readonly serial: number }>(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  reader: Reader<T>,
  retryLimitMs: number,
): WriteOnceLog<T> {
  const subject = (component: string, serial: number) => `${names.subject}.${component}.${serial}`;
  const bySubject = new Map<string, T>();
  const entries = createReplicatedLog<T>(connection, names, (message) => {
    const parsed = reader(message.data);
    const wrong =
      "wrong" in parsed
        ? parsed.wrong
        : message.subject !== subject(parsed.value.component, parsed.value.serial)
          ? `it is of ${parsed.value.component}@${parsed.value.serial}`
          : bySubject.has(message.subject)
            ? "there is one already"
            : undefined;
    if (wrong !== undefined || !("value" in parsed)) {
      log("warn", `${names.stream} ${message.sequence} (${message.subject}) left out: ${wrong}`);
      return undefined;
    }
    bySubject.set(message.subject, parsed.value);
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
