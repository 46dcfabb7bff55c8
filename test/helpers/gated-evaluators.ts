import { DEFAULT_GATE, type GatePolicy } from "../../services/pipeline/gate.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import {
  type Decision,
  type LedgerEntry,
  movesName,
  type Order,
  type Release,
} from "../../services/pipeline/release.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { collect } from "../../services/registry/logged.ts";
import { twoComponents } from "./linear-pipelines.ts";
import { type MemoryEvaluators, openMemoryEvaluators, type StartedEvaluator } from "./memory-evaluators.ts";

const stamp = { version: 1, pipeline: "demo", at: "1970-01-01T00:00:00.000Z" } as const;

export interface GatedChange {
  readonly name?: string;
  /** Replaces the backplane, to inject faults. */
  readonly backplane?: Backplane;
  /** What differs in the gate. */
  readonly gate?: Partial<GatePolicy>;
  /** Of the held-out rows. */
  readonly fingerprint?: string;
}

/** The evaluators of `openMemoryEvaluators` under a gate that enforces. */
export interface GatedEvaluators extends MemoryEvaluators {
  readonly pipeline: Pipeline;
  gated(change?: GatedChange): StartedEvaluator;
  /** Appends a release as a person does. */
  byPerson(composition: Composition, kind?: Release["kind"]): Promise<void>;
  order(order: Pick<Order, "verb" | "snapshots" | "generation">): Promise<void>;
  /** Reports what a follower serves. */
  served(follower: string, release: number): Promise<void>;
  entries(): Promise<readonly LedgerEntry[]>;
  releases(): Promise<readonly Release[]>;
  /** `u@2 held: worse, needs` */
  decisions(): Promise<readonly string[]>;
  /** Waits until the ledger and the verdicts have been quiet for a while. */
  quiet(): Promise<void>;
}

export function openGatedEvaluators(gate: Partial<GatePolicy> = {}, more: Partial<Pipeline> = {}): GatedEvaluators {
  const world = openMemoryEvaluators();
  const pipeline: Pipeline = {
    ...twoComponents,
    gate: { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest", ...gate },
    ...more,
  };
  const entries = () => collect(world.backplane.ledger.read(0));
  return {
    ...world,
    pipeline,
    gated({ name = "e1", backplane, gate: change, fingerprint = "held-out" } = {}) {
      const changed = { ...pipeline, gate: { ...(pipeline.gate as GatePolicy), ...change } };
      return world.start({ pipeline: changed, name }, backplane, { fingerprint });
    },
    async byPerson(composition, kind = "promote") {
      const newest = (await world.backplane.ledger.release())?.value.number;
      await world.backplane.ledger.append({
        ...stamp,
        entry: "release",
        number: (newest ?? 0) + 1,
        previous: newest ?? null,
        composition,
        kind,
        pinned: [],
        cause: { type: "person", by: "ann", reason: "because" },
        gate: null,
      });
    },
    async served(follower, release) {
      await world.backplane.ledger.append({
        ...stamp,
        entry: "served",
        follower,
        release,
        composition: {},
        since: stamp.at,
      });
    },
    async order(order) {
      await world.backplane.ledger.append({ ...stamp, entry: "order", by: "ann", reason: null, ...order });
    },
    entries,
    releases: async () => (await entries()).filter((entry): entry is Release => entry.entry === "release"),
    decisions: async () =>
      (await entries()).filter((entry): entry is Decision => entry.entry === "decision").map(textOf),
    async quiet() {
      for (let same = 0, before = -1; same < 20; ) {
        await world.clock.advance(50);
        const queue = world.backplane.workQueue("evaluator");
        const end = await world.backplane.ledger.end();
        same = end === before && (await queue.pending()) === 0 ? same + 1 : 0;
        before = end;
      }
    },
  };
}

function textOf({ moves, decision, reasons, needs }: Decision): string {
  const why = reasons.length === 0 ? "" : `: ${reasons.join(", ")}`;
  return `${movesName(moves)} ${decision}${why}${needs.length === 0 ? "" : ` (${needs.join(", ")})`}`;
}
