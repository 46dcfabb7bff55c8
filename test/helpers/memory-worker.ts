import type { Clock } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type PackedState, packState, unpackState } from "../../services/engine/interface/packed-state.ts";
import { createShippedEngines } from "../../services/engine/shipped/shipped-engines.ts";
import type { Blob, UnitResult } from "../../services/learning/units/unit.ts";
import { createUnitExecutor } from "../../services/learning/units/unit-executor.ts";
import type {
  CoordinatorService,
  JoinedWorker,
  JoiningWorker,
  SubmittedUnit,
  UnitFate,
  UnitLease,
  WorkerBeat,
} from "../../services/rpc/services/coordinator-service.ts";

/** Shared by all workers, because its threads take time to start. */
const engines = createShippedEngines(systemClock, 2);

/** What a worker does with a unit that it has run; probes are always right. Nothing: it never answers. */
export type Tamper = (result: UnitResult, lease: UnitLease) => Promise<UnitResult | undefined> | UnitResult | undefined;

export interface MemoryWorker {
  readonly worker: string;
  /** Fates of its units, in order. */
  readonly fates: readonly UnitFate[];
  /** Ends its beats at once, as the death of its process would, and waits for what it has in work. */
  kill(): Promise<void>;
}

export function introduce(over: Partial<JoiningWorker> = {}): JoiningWorker {
  const engines = [{ engine: "wasm", numerics: "wasm" }];
  return { name: "worker", host: "host", pid: 1, codeVersion: "1", engines, parallel: 1, ...over };
}

export async function joinAs(service: CoordinatorService, over: Partial<JoiningWorker> = {}): Promise<JoinedWorker> {
  const joined = await service.join(introduce(over));
  if ("refusal" in joined) throw new Error(`refused: ${joined.reason}`);
  return joined;
}

/** A worker in this process, which calls the service directly and runs its units on the wasm engine. */
export async function startMemoryWorker(
  service: CoordinatorService,
  clock: Clock,
  over: Partial<JoiningWorker> = {},
  tamper: Tamper = (result) => result,
): Promise<MemoryWorker> {
  const { worker, beatMs } = await joinAs(service, over);
  const stop = new AbortController();
  const { signal } = stop;
  const held = new Set<string>();
  const fates: UnitFate[] = [];
  const known = new Map<string, Blob>();
  const blob = async (digest: string): Promise<Blob> => {
    const found = known.get(digest) ?? { digest, bytes: (await service.fetch(worker, digest)) as Uint8Array };
    known.set(digest, found);
    return found;
  };
  const executor = createUnitExecutor("wasm", { engines, clock: systemClock, blob });

  async function* beats(): AsyncGenerator<WorkerBeat> {
    while (!signal.aborted) {
      yield { worker, units: [...held].map((lease) => ({ lease, work: 1 })) };
      await clock.sleep(beatMs, signal).catch(() => {});
    }
  }

  async function listen(): Promise<void> {
    for await (const abandoned of service.beat(beats(), signal)) for (const lease of abandoned) held.delete(lease);
  }

  async function work(): Promise<void> {
    while (!signal.aborted) {
      const lease = await service.lease(worker, signal);
      if (lease === undefined) continue;
      held.add(lease.lease);
      const { slot, first, count } = lease;
      const ran = await executor.run(lease.job, lease.work, { slot, first, count }, await blob(lease.base));
      const probe = first === 0 && count === 8;
      const result = probe ? ran : await tamper(ran, lease);
      // A worker that never answers asks for more all the same.
      if (result === undefined) continue;
      held.delete(lease.lease);
      if (signal.aborted) return;
      const { fate } = await service.submit(submissionOf(worker, lease, result), parts(result.state.bytes));
      if (!probe) fates.push(fate);
    }
  }

  // A worker that is dismissed, or whose trainer has gone, just ends.
  const ended = Promise.allSettled([listen(), work()]);
  return {
    worker,
    fates,
    async kill() {
      stop.abort();
      await ended;
      await executor.dispose();
    },
  };
}

export function submissionOf(worker: string, lease: UnitLease, { state, losses }: UnitResult): SubmittedUnit {
  const { job, slot, first, count, base } = lease;
  const outcome = { digest: state.digest, size: state.bytes.byteLength, losses };
  return { worker, lease: lease.lease, job, slot, first, count, base, seconds: 0.1, outcome };
}

/** Bytes in several parts. */
export async function* parts(bytes: Uint8Array, size = 100): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Changes the values of a state, which gets the digest that it then has. */
export async function changed(state: PackedState, change: (values: Float32Array) => void): Promise<PackedState> {
  const unpacked = await unpackState(state);
  const name = Object.keys(unpacked).find((each) => each.startsWith("variable/")) as string;
  change((unpacked[name] as (typeof unpacked)[string]).values);
  return packState(unpacked);
}

/** Flips the lowest bit of the first weight. */
export const flipBit: Tamper = async ({ state, losses }) => ({
  losses,
  state: await changed(state, (values) => {
    const bits = new Uint32Array(values.buffer);
    bits[0] = (bits[0] as number) ^ 1;
  }),
});

export const returnNaN: Tamper = async ({ state, losses }) => ({
  losses: losses.map(() => Number.NaN),
  state: await changed(state, (values) => values.fill(Number.NaN)),
});
