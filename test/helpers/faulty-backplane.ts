import type { Clock } from "../../services/common/clock/clock.ts";
import { UncoupleError } from "../../services/common/errors.ts";
import type { Backplane, Neighbor, WorkItem, WriteOnceLog } from "../../services/registry/backplane.ts";

/** What happens to a call, or to an entry of a watch. */
export const CALL_FAULTS = ["lost before", "lost after", "delayed", "answered twice"] as const;

export interface FaultSettings {
  /** In [0, 1). */
  readonly random: () => number;
  readonly clock: Clock;
  /** Fraction of calls that meet a fault. */
  readonly rate: number;
}

/** Longer than the delays of most retries, so that calls overtake each other. */
const LONGEST_DELAY_MS = 20_000;

/** A client's view of a backplane over a bad network. Everything that it loses is `unavailable`. */
export function faultyBackplane(backplane: Backplane, { random, clock, rate }: FaultSettings): Backplane {
  const lost = (what: string) => new UncoupleError("unavailable", `${what}: lost`);
  const delay = () => clock.sleep(random() * LONGEST_DELAY_MS);
  const choose = () => (random() < rate ? CALL_FAULTS[Math.floor(random() * CALL_FAULTS.length)] : undefined);

  const call =
    <A extends unknown[], R>(name: string, inner: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const fault = choose();
      if (fault === "lost before") throw lost(name);
      if (fault === "delayed") await delay();
      const answer = await inner(...args);
      if (fault === "lost after") throw lost(name);
      return fault === "answered twice" ? inner(...args) : answer;
    };
  const watch = <A extends unknown[], E>(name: string, inner: (...args: A) => AsyncIterable<E>) =>
    async function* (...args: A): AsyncGenerator<E, void, undefined> {
      for await (const entry of inner(...args)) {
        const fault = choose();
        if (fault === "lost before") throw lost(name);
        if (fault === "delayed") await delay();
        yield entry;
        if (fault === "lost after") throw lost(name);
        if (fault === "answered twice") yield entry;
      }
    };
  const once = <T extends { readonly component: string; readonly serial: number }>(
    name: string,
    log: WriteOnceLog<T>,
  ): WriteOnceLog<T> => ({
    append: call(`${name}.append`, log.append),
    get: call(`${name}.get`, log.get),
    list: call(`${name}.list`, log.list),
    end: call(`${name}.end`, log.end),
    read: watch(`${name}.read`, log.read),
    watch: watch(`${name}.watch`, log.watch),
  });
  const shared = ({ registry, ledger, pipelines, quarantines, retention }: Neighbor): Neighbor => ({
    registry: {
      publish: call("publish", registry.publish),
      link: call("link", registry.link),
      manifest: call("manifest", registry.manifest),
      latest: call("latest", registry.latest),
      bytes: call("bytes", registry.bytes),
      ofRun: call("ofRun", registry.ofRun),
      end: call("end", registry.end),
      list: call("list", registry.list),
      unreadable: call("unreadable", registry.unreadable),
      watch: watch("watch", registry.watch),
      aliases: call("aliases", registry.aliases),
      aliased: call("aliased", registry.aliased),
      setAlias: call("setAlias", registry.setAlias),
      aliasLog: call("aliasLog", registry.aliasLog),
      watchAliases: watch("watchAliases", registry.watchAliases),
      rollback: call("rollback", registry.rollback),
    },
    ledger: {
      release: call("ledger.release", ledger.release),
      end: call("ledger.end", ledger.end),
      endOf: call("ledger.endOf", ledger.endOf),
      append: call("ledger.append", ledger.append),
      read: ledger.read,
      watch: watch("ledger.watch", ledger.watch),
    },
    pipelines: {
      current: call("pipelines.current", pipelines.current),
      history: call("pipelines.history", pipelines.history),
      apply: call("pipelines.apply", pipelines.apply),
      watch: watch("pipelines.watch", pipelines.watch),
    },
    quarantines: once("quarantines", quarantines),
    retention: {
      tombstone: call("tombstone", retention.tombstone),
      tombstones: call("tombstones", retention.tombstones),
      end: call("tombstones' end", retention.end),
      watch: watch("tombstones", retention.watch),
      pin: call("pin", retention.pin),
      refer: call("refer", retention.refer),
      release: call("release", retention.release),
      state: call("retention state", retention.state),
      delete: call("delete", retention.delete),
      purge: call("purge", retention.purge),
    },
  });
  const { generations, compaction, leases } = backplane;
  return {
    ...shared(backplane),
    neighbor: call("neighbor", async (pipeline) => shared(await backplane.neighbor(pipeline))),
    generations: {
      current: call("generations.current", generations.current),
      history: call("generations.history", generations.history),
      start: call("generations.start", generations.start),
    },
    verdicts: once("verdicts", backplane.verdicts),
    compaction: {
      find: call("find removals", compaction.find),
      compact: call("compact", compaction.compact),
      resume: call("resume compaction", compaction.resume),
    },
    // A lease that is asked for twice would be held twice; its holder's connection is what can be lost.
    leases: { acquire: leases.acquire, claim: leases.claim, holder: call("holder", leases.holder) },
    workQueue(group) {
      const queue = backplane.workQueue(group);
      const faulty = (item: WorkItem): WorkItem => ({ ...item, done: call("done", item.done) });
      const items = watch("items", queue.items);
      return {
        pending: call("pending", queue.pending),
        async *items(signal) {
          for await (const item of items(signal)) yield faulty(item);
        },
      };
    },
    usage: call("usage", backplane.usage),
    clockOffset: call("clockOffset", backplane.clockOffset),
    connection: backplane.connection,
    close: backplane.close,
  };
}

/** A generator of numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
