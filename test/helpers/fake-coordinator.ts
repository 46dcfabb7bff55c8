import { createNotifier } from "../../services/common/async/notifier.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../services/common/errors.ts";
import { sha256 } from "../../services/common/files/digest.ts";
import type { PackedState } from "../../services/engine/interface/packed-state.ts";
import type { Unit } from "../../services/learning/units/unit.ts";
import type {
  CoordinatorService,
  JoiningWorker,
  RefusedWorker,
  SubmittedUnit,
  UnitFate,
  WorkerBeat,
} from "../../services/rpc/services/coordinator-service.ts";
import type { ShippedJob } from "./tiny-job.ts";

/** What a unit ended with. */
export interface UnitOutcome {
  readonly result: SubmittedUnit;
  readonly bytes: Buffer;
}

export interface FakeCoordinatorOptions {
  readonly pipeline?: string;
  readonly component?: string;
  readonly incarnation?: number;
  readonly beatMs?: number;
  readonly silenceMs?: number;
  /** How long a lease call waits for a unit. */
  readonly pollMs?: number;
  /** Refuses workers; called for each that joins. */
  readonly refuse?: (worker: JoiningWorker) => RefusedWorker | undefined;
}

interface OfferedUnit {
  readonly job: ShippedJob;
  readonly unit: Unit;
  readonly base: PackedState;
  readonly engine: string;
  readonly settle: (outcome: UnitOutcome) => void;
  outcome?: UnitOutcome;
}

interface FakeLease {
  readonly id: string;
  readonly worker: string;
  readonly unit: OfferedUnit;
  /** Counters of the beats. */
  readonly work: number[];
}

/**
 * A coordinator in memory that hands out real units, one after another, and keeps what happened. A unit of a worker whose
 * beats end is handed out again.
 */
export interface FakeCoordinator extends CoordinatorService {
  /** Every worker that asked to join, in order. */
  readonly joins: JoiningWorker[];
  readonly leases: FakeLease[];
  /** Digests in the order of their fetches. */
  readonly fetched: string[];
  readonly returned: string[];
  /** The fate of every submission, in order. */
  readonly fates: { readonly lease: string; readonly fate: UnitFate }[];
  /** Beats taken of workers that are present. */
  beats(): number;
  /** Workers whose beats are taken. */
  present(): number;
  /** Offers a unit. @returns how it ended */
  offer(job: ShippedJob, unit: Unit, engine?: string, base?: PackedState): Promise<UnitOutcome>;
  /** Tells the worker of a lease to abandon it. */
  abandon(lease: string): void;
  /** Forgets all workers, as a trainer does that starts anew. */
  forget(): void;
}

export function fakeCoordinator(options: FakeCoordinatorOptions = {}): FakeCoordinator {
  const { pipeline = "paper", component = "m1", beatMs = 50, silenceMs = 2_000, pollMs = 500 } = options;
  const news = createNotifier();
  const blobs = new Map<string, Uint8Array>();
  const waiting: OfferedUnit[] = [];
  const offered: OfferedUnit[] = [];
  const workers = new Map<string, { name: string; unwanted: string[]; present: boolean }>();
  let beats = 0;
  let joined = 0;

  const known = (worker: string) => {
    const found = workers.get(worker);
    if (found === undefined) throw new UncoupleError("not-found", `no worker ${worker}`);
    return found;
  };

  const fake: FakeCoordinator = {
    joins: [],
    leases: [],
    fetched: [],
    returned: [],
    fates: [],
    beats: () => beats,
    present: () => [...workers.values()].filter(({ present }) => present).length,
    async join(worker) {
      fake.joins.push(worker);
      const refused = options.refuse?.(worker);
      if (refused !== undefined) return refused;
      joined += 1;
      workers.set(`w${joined}`, { name: worker.name, unwanted: [], present: false });
      return { worker: `w${joined}`, incarnation: options.incarnation ?? 1, pipeline, component, beatMs, silenceMs };
    },
    async *beat(sent, signal) {
      let worker: string | undefined;
      let over = false;
      const take = async () => {
        for await (const beat of sent as AsyncIterable<WorkerBeat>) {
          worker ??= beat.worker;
          known(worker).present = true;
          beats += 1;
          for (const { lease, work } of beat.units) fake.leases.find(({ id }) => id === lease)?.work.push(work);
        }
      };
      const taking = take().finally(() => {
        over = true;
        news.notify();
      });
      taking.catch(() => {});
      while (!over) {
        const seen = news.count;
        const unwanted = worker === undefined ? [] : (workers.get(worker)?.unwanted.splice(0) ?? []);
        if (unwanted.length > 0) yield unwanted;
        else await news.waitBeyond(seen, signal);
      }
      if (worker !== undefined && workers.delete(worker)) {
        for (const lease of fake.leases) {
          if (lease.worker === worker && lease.unit.outcome === undefined) waiting.push(lease.unit);
        }
        news.notify();
      }
      await taking;
    },
    async lease(worker, signal) {
      const until = systemClock.elapsed() + pollMs;
      for (;;) {
        const seen = news.count;
        known(worker);
        const unit = waiting.shift();
        if (unit !== undefined) {
          if (unit.outcome !== undefined) continue;
          const id = `l${fake.leases.length + 1}`;
          fake.leases.push({ id, worker, unit, work: [] });
          const { key, job } = unit.job;
          return { lease: id, job: key, work: job, ...unit.unit, base: unit.base.digest, engine: unit.engine };
        }
        const ms = until - systemClock.elapsed();
        if (ms <= 0 || signal.aborted) return undefined;
        await news.waitBeyond(seen, signal, { clock: systemClock, ms });
      }
    },
    async fetch(_worker, digest) {
      fake.fetched.push(digest);
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new UncoupleError("not-found", `no bytes ${digest}`);
      return bytes;
    },
    async submit(result, sent) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of sent) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const { fate, settle } = await judge(result, bytes);
      fake.fates.push({ lease: result.lease, fate });
      settle?.();
      return { fate, reason: "" };
    },
    async returnUnit(worker, lease) {
      known(worker);
      fake.returned.push(lease);
      const found = fake.leases.find(({ id }) => id === lease);
      if (found !== undefined && found.unit.outcome === undefined) waiting.push(found.unit);
      news.notify();
    },
    listWorkers: async () => ({ workers: [], waiting: waiting.length }),
    offer(job, unit, engine = "wasm", base = job.initial) {
      for (const { digest, bytes } of [...job.blobs, base]) blobs.set(digest, bytes);
      return new Promise((settle) => {
        const one: OfferedUnit = { job, unit, base, engine, settle };
        offered.push(one);
        waiting.push(one);
        news.notify();
      });
    },
    abandon(lease) {
      const found = fake.leases.find(({ id }) => id === lease);
      if (found !== undefined) workers.get(found.worker)?.unwanted.push(lease);
      news.notify();
    },
    forget() {
      workers.clear();
      news.notify();
    },
  };

  async function judge(result: SubmittedUnit, bytes: Buffer): Promise<{ fate: UnitFate; settle?: () => void }> {
    const { outcome } = result;
    const unit = offered.find(
      (one) =>
        one.job.key === result.job &&
        one.unit.slot === result.slot &&
        one.unit.first === result.first &&
        one.unit.count === result.count &&
        one.base.digest === result.base,
    );
    if (unit === undefined) return { fate: "stale" };
    if ("digest" in outcome && (await sha256(bytes)) !== outcome.digest) return { fate: "refused" };
    if (unit.outcome !== undefined) return { fate: unit.outcome.bytes.equals(bytes) ? "duplicate" : "refused" };
    const ended = { result, bytes };
    unit.outcome = ended;
    return { fate: "applied", settle: () => unit.settle(ended) };
  }

  return fake;
}
