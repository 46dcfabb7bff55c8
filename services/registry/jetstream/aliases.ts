import { createRetry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { aliasesAfter, checkAlias, rollbackTarget } from "../alias-history.ts";
import { checkName } from "../names.ts";
import type { AliasChange, Registry } from "../registry.ts";
import { readers } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/** Aliases, derived from a log with one subject per component, appended to by compare-and-set. */
export interface Aliases {
  readonly now: Registry["aliases"];
  readonly log: Registry["aliasLog"];
  readonly set: Registry["setAlias"];
  readonly rollback: Registry["rollback"];
}

export function createAliases(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  retryLimitMs: number,
): Aliases {
  const subject = (component: string) => `${names.subject}.${component}`;
  const changes = createReplicatedLog<AliasChange>(connection, names, (message) => {
    const parsed = readers.aliasChange(message.data);
    if ("value" in parsed && message.subject === subject(parsed.value.component)) return parsed.value;
    const why = "wrong" in parsed ? parsed.wrong : `it is of ${parsed.value.component}`;
    log("warn", `${names.stream} ${message.sequence} (${message.subject}) is no alias change, left out: ${why}`);
    return undefined;
  });
  const of = (component: string) =>
    changes.entries.map(({ value }) => value).filter((change) => change.component === component);

  /** Decides on the current log and appends if the log is unchanged; otherwise decides again. */
  const change = async (
    component: string,
    alias: string,
    kind: AliasChange["kind"],
    by: string,
    decide: (log: readonly AliasChange[]) => number | null,
  ): Promise<AliasChange> => {
    checkName("component", component);
    checkName("alias", alias);
    const retry = createRetry(retryPolicy(connection, retryLimitMs));
    await changes.sync();
    for (;;) {
      const history = of(component);
      const serial = decide(history);
      const previous = aliasesAfter(history)[alias] ?? null;
      const made: AliasChange = { component, alias, kind, serial, previous, by, at: timestamp(connection.clock) };
      if (await changes.append(subject(component), made, changes.lastSequence(subject(component)), retry)) return made;
    }
  };

  return {
    async now(component) {
      await changes.sync();
      return aliasesAfter(of(component));
    },
    async log(component) {
      await changes.sync();
      return of(component);
    },
    set: (component, alias, serial, expected, by) =>
      change(component, alias, "set", by, (history) => {
        checkAlias(history, component, alias, expected);
        return serial;
      }),
    rollback: (component, alias, by) =>
      change(component, alias, "rollback", by, (history) => rollbackTarget(history, component, alias)),
  };
}
