import { createVirtualClock, type VirtualClock } from "../../services/common/clock/virtual-clock.ts";
import { DEFAULT_GATE, digestOfGate, type FreezeWindow, type GatePolicy } from "../../services/pipeline/gate.ts";
import type { SnapshotId } from "../../services/pipeline/manifest.ts";
import type { PipelineContent } from "../../services/pipeline/pipeline-content.ts";
import type { LedgerEntry, Release } from "../../services/pipeline/release.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import type { OrderDeps } from "../../services/releases/orders.ts";
import { draft, model, release, verdict } from "./drafts.ts";

export const START = Date.parse("2026-03-02T12:00:00.000Z");
/** A gate that enforces. */
export const ENFORCE: GatePolicy = { ...DEFAULT_GATE, mode: "enforce" };

/** A pipeline of m1 and m2 with snapshots, on a backplane in memory. */
export interface ReleaseWorld {
  readonly backplane: Backplane;
  readonly clock: VirtualClock;
  readonly deps: OrderDeps;
  /** Puts a pipeline file in force. */
  apply(rules: { readonly gate?: GatePolicy; readonly freeze?: readonly FreezeWindow[] }): Promise<void>;
  /** Publishes judged snapshots of a component, up to that serial. */
  judged(component: string, serial: number): Promise<void>;
  /** Publishes the next snapshot, without a verdict. */
  published(component: string): Promise<number>;
  /** Appends a release after the newest. */
  released(composition: Composition, change?: Partial<Release>): Promise<Release>;
  /** Appends another entry. @returns its position */
  appended(entry: LedgerEntry): Promise<number>;
  entries(): Promise<readonly LedgerEntry[]>;
}

export function snapshots(...names: readonly string[]): readonly SnapshotId[] {
  return names.map((name) => {
    const [component = "", serial] = name.split("@");
    return { component, serial: Number(serial) };
  });
}

export function createReleaseWorld(): ReleaseWorld {
  const pipeline = "demo";
  const clock = createVirtualClock(START);
  const backplane = createMemoryBackplane(pipeline, { clock });
  let digest: string | null = null;
  let gate: string | null = null;
  const publish = (component: string) =>
    backplane.registry.publish(draft({ pipeline, component }), model(clock.now()), "any");
  return {
    backplane,
    clock,
    deps: { backplane, pipeline, clock },
    async apply(rules) {
      const content: PipelineContent = { name: pipeline, components: { m1: {}, m2: {} }, ...rules };
      ({ digest } = await backplane.pipelines.apply(content, digest, "test"));
      gate = rules.gate === undefined ? null : digestOfGate(rules.gate);
    },
    async judged(component, serial) {
      for (let last = 0; last < serial; ) {
        ({ serial: last } = await publish(component));
        await backplane.verdicts.append(verdict(component, last));
      }
    },
    published: async (component) => (await publish(component)).serial,
    async released(composition, change = {}) {
      const number = ((await backplane.ledger.release())?.value.number ?? 0) + 1;
      const made = release(number, { composition, gate, ...change });
      await backplane.ledger.append(made);
      return made;
    },
    async appended(entry) {
      return (await backplane.ledger.append(entry)) as number;
    },
    async entries() {
      const all: LedgerEntry[] = [];
      for await (const { value } of backplane.ledger.read(0)) all.push(value);
      return all;
    },
  };
}
