import type { PipelineView } from "../../composition/pipeline-view.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Registry } from "../../registry/registry.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import { searchSets } from "../../releases/sets/search-sets.ts";
import { candidatesOf, releasedNow } from "./candidates.ts";
import type { Decisions } from "./decisions.ts";
import type { GateGeneration } from "./gate-generation.ts";
import { createManifestReader } from "./manifests.ts";

export interface MovableSetsDeps {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly retained: number;
  readonly screen: GateRows;
  readonly registry: Pick<Registry, "manifest">;
  readonly view: Pick<PipelineView, "history">;
  readonly state: LedgerState;
  readonly generation: Pick<GateGeneration, "settled">;
  readonly decisions: Pick<Decisions, "inForce" | "forbidden" | "decide">;
}

/** Compositions that one search measures: more than the optimum of six components with four snapshots each takes. */
const BUDGET = 600;

/**
 * Searches what may move together, and lets the gate decide on what is found; at most once for the same snapshots against the
 * same release, so that the confirm rows are asked one question.
 * @returns whether it decided on a set
 */
export function createMovableSets(deps: MovableSetsDeps): (signal: AbortSignal) => Promise<boolean> {
  const { pipeline, gate, view, state, decisions } = deps;
  const manifestsOf = createManifestReader(deps.registry);
  let searched: string | undefined;

  /** Nobody forbids it. That the single update was refused or held is no reason: others may make it good. */
  const isFree = ({ component, serial }: SnapshotId) =>
    decisions.forbidden({ [component]: serial }).every((reason) => reason === "not-confirmed");

  return async (signal) => {
    const { number, composition: release } = releasedNow(pipeline, state);
    const { generation } = deps.generation.settled();
    const candidates = candidatesOf(pipeline, release, view.history, deps.retained).filter(isFree);
    const key = [number, generation, digestOfGate(gate), ...candidates.map(snapshotName)].join(" ");
    if (candidates.length === 0 || key === searched) return false;
    const manifestOf = await manifestsOf(candidates);
    const movable = candidates.filter((one) => manifestOf(one)?.provenance.gating?.sets !== false);
    const found = await searchSets({
      pipeline,
      screen: deps.screen,
      release,
      movable: (component) => movable.filter((one) => one.component === component).map(({ serial }) => serial),
      trainedOn: (component, serial): Composition => manifestOf({ component, serial })?.provenance.upstream ?? {},
      isClosed: (composition) => state.isUnconfirmed(composition, generation),
      margin: gate.margin,
      budget: BUDGET,
      signal,
    });
    searched = key;
    if (found === undefined || decisions.inForce(found.moves) !== undefined) return false;
    await decisions.decide(found.moves, false, signal);
    return true;
  };
}
