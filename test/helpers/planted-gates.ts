import type { Clock } from "../../services/common/clock/clock.ts";
import { createPipelineView } from "../../services/composition/pipeline-view.ts";
import { createGating } from "../../services/evaluator/gating/gating.ts";
import type { GatePolicy } from "../../services/pipeline/gate.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { createLedgerState } from "../../services/releases/ledger-state.ts";
import { generation, quarantine } from "./drafts.ts";
import { silentLog } from "./log.ts";
import { plantedRows } from "./planted-rows.ts";

export interface PlantedGate {
  /** As the holder of the lease. */
  readonly name: string;
  readonly pipeline: Pipeline & { readonly gate: GatePolicy };
  readonly backplane: Backplane;
  readonly clock: Clock;
  /** The mean loss of a composition; may throw. */
  lossOf(composition: Composition): number | Promise<number>;
  onFailure?(message: string): void;
}

const ROWS = 500;

/** Runs the gate of an evaluator, until the signal aborts, on losses that are given, not composed by the product. */
export function runPlantedGate(planted: PlantedGate, signal: AbortSignal): Promise<unknown> {
  const { name, pipeline, backplane, clock, lossOf } = planted;
  const { gate } = pipeline;
  const state = createLedgerState();
  const reportFailure = (_: string, { message }: Error) => planted.onFailure?.(message);
  const view = createPipelineView({
    backplane,
    clock,
    onError: reportFailure,
    onAnnouncement: ({ manifest }) => gating.noteAnnouncement(manifest),
    onLedgerEntry: state.note,
  });
  const rowsOf = (part: "screen" | "confirm" | "reserve") =>
    plantedRows({
      part,
      async rowLosses(_, composition) {
        const loss = await lossOf(composition);
        return Float64Array.from({ length: ROWS }, (_, row) => loss * (1 + 0.01 * (((row * 7) % 11) - 5)));
      },
    });
  const found = generation(1);
  const gating = createGating({
    evaluator: name,
    pipeline,
    gate,
    retained: 8,
    rows: { screen: rowsOf("screen"), confirm: rowsOf("confirm"), reserve: rowsOf("reserve") },
    tests: { ofComposition: async () => [] },
    backplane,
    view,
    state,
    applied: { opens: async () => {}, refusal: () => undefined },
    generation: {
      settle: async () => {},
      current: () => found,
      settled: () => found,
      confirm: async () => found,
    },
    async quarantine({ component, serial }, reason, detail) {
      await backplane.quarantines.append(quarantine(component, serial, { reason, detail }));
    },
    metrics: { decided: () => {}, holding: () => {} },
    reportFailure,
    clock,
    log: silentLog,
  });
  return Promise.all([view.follow(signal), gating.run(signal)]);
}
