import { createVirtualClock, type VirtualClock } from "../../services/common/clock/virtual-clock.ts";
import { createPipelineGate } from "../../services/composition/pipeline-gate.ts";
import {
  createEvaluator,
  type Evaluator,
  type EvaluatorConfig,
  type EvaluatorDeps,
} from "../../services/evaluator/create-evaluator.ts";
import { createHeldOutParts } from "../../services/evaluator/held-out-parts.ts";
import type { PartShares } from "../../services/pipeline/gate.ts";
import type { ModelContract, Provenance, SnapshotManifest, TensorSpec } from "../../services/pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../services/pipeline/verdict.ts";
import type { Backplane, WorkQueue } from "../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import { createMetrics, type Metrics } from "../../services/runtime/metrics.ts";
import { draft } from "./drafts.ts";
import { type LinearModel, linearBytes, loadLinear, schemaOf, tableOf, twoComponents } from "./linear-pipelines.ts";
import { localInference } from "./local-inference.ts";
import { recordingLog } from "./log.ts";

/** z = 2 x, and y = 3 x plus a small fixed noise pattern, so that intervals have nonzero width. */
export const rows = 400;
export const x = Array.from({ length: rows }, (_, row) => ((row * 7919) % 401) / 200 - 1);
const heldOutRows = (count: number) => {
  const some = x.slice(0, count);
  return tableOf({
    x: some,
    z: some.map((value) => 2 * value),
    y: some.map((value, row) => 3 * value + 0.01 * ((row % 5) - 2)),
  });
};

export const specs: Record<"u" | "d", { readonly inputs: TensorSpec[]; readonly output: TensorSpec }> = {
  u: {
    inputs: [{ name: "x", kind: "numeric", width: 1 }],
    output: { name: "u-out", kind: "numeric", width: 1 },
  },
  d: {
    inputs: [
      { name: "x", kind: "numeric", width: 1 },
      { name: "u-out", kind: "numeric", width: 1 },
    ],
    output: { name: "d-out", kind: "numeric", width: 1 },
  },
};

/** Weights of `d` that are correct when `u` is. */
export const good: LinearModel["weights"] = { x: 1, "u-out": 1 };

export interface StartedEvaluator {
  readonly evaluator: Evaluator;
  readonly metrics: Metrics;
  readonly records: readonly Record<string, unknown>[];
}

/** A two-component pipeline of linear models, `u` then `d`, on a memory backplane, and its evaluators. */
export interface MemoryEvaluators {
  /** Advances only while `settled` waits. */
  readonly clock: VirtualClock;
  readonly backplane: Backplane;
  /** @param over replaces the backplane, to inject faults @param held what is said of the held-out rows */
  start(change?: Partial<EvaluatorConfig>, over?: Backplane, held?: Partial<HeldOutFacts>): StartedEvaluator;
  publish(
    component: "u" | "d",
    model: LinearModel["weights"] | Uint8Array,
    change?: Partial<ModelContract>,
    provenance?: Partial<Provenance>,
  ): Promise<SnapshotManifest>;
  /** Waits until `count` announcements are judged or quarantined and none is pending. */
  settled(count: number): Promise<{ verdicts: readonly Verdict[]; quarantines: readonly Quarantine[] }>;
  close(): Promise<void>;
}

interface HeldOutFacts extends Pick<EvaluatorDeps, "fingerprint" | "heldOutAfter"> {
  readonly split: PartShares;
}

/** @param count of held-out rows; @param neighbors other pipelines of the store */
export function openMemoryEvaluators(
  count = rows,
  neighbors: ReadonlyMap<string, Backplane> = new Map(),
): MemoryEvaluators {
  const heldOut = heldOutRows(count);
  const clock = createVirtualClock();
  const backplane = createMemoryBackplane("demo", { clock, neighbors });
  const evaluators: Evaluator[] = [];
  const leaving = new AbortController();
  return {
    backplane,
    clock,
    start(change = {}, over = backplane, held = {}) {
      const { log, records } = recordingLog();
      const metrics = createMetrics({ service: "evaluator", version: "0" });
      const { pipelines } = backplane;
      const gate = createPipelineGate(change.pipeline ?? twoComponents, "demo.yaml", {
        pipelines,
        clock,
        onError: () => {},
      });
      void gate.follow(leaving.signal, () => {});
      const evaluator = createEvaluator(
        {
          name: "e1",
          pipeline: twoComponents,
          retained: 8,
          maxModelBytes: 1e6,
          outputCacheBytes: 1e8,
          ...change,
        },
        {
          backplane: over,
          gate,
          schema: schemaOf(heldOut),
          heldOut: createHeldOutParts(
            change.pipeline ?? twoComponents,
            { table: heldOut, labels: {} },
            held.split ?? change.pipeline?.gate?.split,
          ),
          fingerprint: "held-out",
          ...held,
          inference: localInference(loadLinear),
          clock,
          log,
          metrics,
          onLost: () => {},
        },
      );
      evaluators.push(evaluator);
      evaluator.start();
      return { evaluator, metrics, records };
    },
    async publish(component, model, change = {}, provenance = {}) {
      const bytes = model instanceof Uint8Array ? model : linearBytes({ weights: model });
      return backplane.registry.publish(
        draft({ component, contract: { ...specs[component], ...change }, provenance }),
        bytes,
        "any",
      );
    },
    async settled(count) {
      const queue = backplane.workQueue("evaluator");
      for (;;) {
        const verdicts = await backplane.verdicts.list();
        const quarantines = await backplane.quarantines.list();
        if (verdicts.length + quarantines.length >= count && (await queue.pending()) === 0)
          return { verdicts, quarantines };
        await clock.advance(50);
      }
    },
    async close() {
      await Promise.all(evaluators.map((evaluator) => evaluator.stop()));
      leaving.abort();
      await backplane.close();
    },
  };
}

/** Each verdict in short: `["u@1", "inconclusive", "incomplete-pipeline"]`. */
export function summary(verdicts: readonly Verdict[]): readonly (readonly string[])[] {
  return verdicts.map(({ component, serial, kind, reason }) => [
    `${component}@${serial}`,
    kind,
    ...(reason ? [reason] : []),
  ]);
}

/** A backplane whose queue reports the given delivery counts. */
export function delivering(backplane: Backplane, delivery: (manifest: SnapshotManifest) => number): Backplane {
  const over = (queue: WorkQueue): WorkQueue => ({
    pending: () => queue.pending(),
    async *items(signal) {
      for await (const item of queue.items(signal)) yield { ...item, delivery: delivery(item.announcement.manifest) };
    },
  });
  return { ...backplane, workQueue: (group) => over(backplane.workQueue(group)) };
}
