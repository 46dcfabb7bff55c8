import { createRetry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { checkAlias, createAliasIndex, rollbackTarget } from "../alias-history.ts";
import { collect } from "../logged.ts";
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
  readonly aliased: Registry["aliased"];
  readonly log: Registry["aliasLog"];
  readonly watch: Registry["watchAliases"];
  /** Returns the position of the newest change, 0 for none. */
  end(): Promise<number>;
  /** Yields the changes of all components, oldest first. */
  read(): AsyncIterable<Logged<AliasChange>>;
  readonly set: Registry["setAlias"];
  /** As `Registry.rollback`. @param before called with the serial, before the alias points at it */
  rollback(
    component: string,
    alias: string,
    by: string,
    before: (serial: number) => Promise<void>,
  ): Promise<AliasChange>;
}

export function createAliases(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  retryLimitMs: number,
): Aliases {
  const subject = (component: string) => `${names.subject}.${component}`;
  const index = createAliasIndex();
  const changes = createReplicatedLog<AliasChange>(connection, log, names, {
    decode: readers.aliasChange,
    take(message, read) {
      if ("wrong" in read) return read.wrong;
      if (message.subject !== subject(read.value.component)) return `it is of ${read.value.component}`;
      index.take(read.value);
      return undefined;
    },
  });
  /** The changes of a component as of the last sync, oldest first. */
  const history = (component: string) => collect(changes.read(0, subject(component)));

  /** Decides on the current log and appends if the component's log is unchanged; otherwise decides again. */
  const change = async (
    component: string,
    alias: string,
    kind: AliasChange["kind"],
    by: string,
    decide: () => number | null | Promise<number | null>,
  ): Promise<AliasChange> => {
    checkName("component", component);
    checkName("alias", alias);
    const retry = createRetry(retryPolicy(connection, retryLimitMs));
    const at = timestamp(connection.clock);
    await retry.run(() => changes.sync());
    for (;;) {
      const expected = changes.lastSequence(subject(component));
      const previous = index.serial(component, alias);
      const made: AliasChange = { component, alias, kind, serial: await decide(), previous, by, at };
      if (await changes.append(subject(component), made, expected, retry)) return made;
    }
  };

  return {
    async now(component) {
      await changes.sync();
      return index.of(component);
    },
    async aliased(alias) {
      await changes.sync();
      return index.aliased(alias);
    },
    async log(component) {
      await changes.sync();
      return history(component);
    },
    watch: (from, signal) => changes.watch(from, signal),
    async end() {
      await changes.sync();
      return changes.end();
    },
    async *read() {
      await changes.sync();
      yield* changes.read(0);
    },
    set: (component, alias, serial, expected, by) =>
      change(component, alias, "set", by, () => {
        checkAlias(index.serial(component, alias), component, alias, expected);
        return serial;
      }),
    rollback: (component, alias, by, before) =>
      change(component, alias, "rollback", by, async () => {
        const target = rollbackTarget(await history(component), component, alias);
        await before(target);
        return target;
      }),
  };
}
