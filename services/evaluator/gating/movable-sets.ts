import type { PipelineView } from "../../composition/pipeline-view.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Registry } from "../../registry/registry.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import { SET_BUDGET, searchSets } from "../../releases/sets/search-sets.ts";
import type { AnnouncedProvenance } from "./announced-provenance.ts";
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
  readonly view: Pick<PipelineView, "history" | "changed">;
  readonly state: LedgerState;
  readonly generation: Pick<GateGeneration, "settled">;
  readonly provenance: Pick<AnnouncedProvenance, "mayMoveInSets">;
  readonly decisions: Pick<Decisions, "inForce" | "forbidden" | "decide">;
}

/**
 * Searches what may move together, and lets the gate decide on what is found; at most once for the same snapshots against the
 * same release, so that the confirm rows are asked one question. A search that takes long gives way to what happens meanwhile, and
 * starts again from the losses that are cached.
 * @returns whether there may be more to do
 */
export function createMovableSets(deps: MovableSetsDeps): (signal: AbortSignal) => Promise<boolean> {
  const { pipeline, gate, view, state, decisions } = deps;
  const manifestsOf = createManifestReader(deps.registry);
  let searched: string | undefined;

  /** Its team lets sets move it, and no order forbids it. That the single update was refused or held is no reason: others may make it good. */
  const isMovable = (snapshot: SnapshotId) =>
    deps.provenance.mayMoveInSets(snapshot) &&
    decisions.forbidden({ [snapshot.component]: snapshot.serial }).every((reason) => reason === "not-confirmed");

  return async (signal) => {
    const { number, composition: release } = releasedNow(pipeline, state);
    const { generation } = deps.generation.settled();
    const movable = candidatesOf(pipeline, release, view.history, deps.retained).filter(isMovable);
    const key = [number, generation, digestOfGate(gate), ...movable.map(snapshotName)].join(" ");
    if (movable.length === 0 || key === searched) return false;
    const manifestOf = await manifestsOf(movable);
    const changed = new AbortController();
    const searching = AbortSignal.any([signal, changed.signal]);
    void view.changed.waitBeyond(view.changed.count, searching).then(() => changed.abort());
    const search = searchSets({
      pipeline,
      screen: deps.screen,
      release,
      movable: (component) => movable.filter((one) => one.component === component).map(({ serial }) => serial),
      trainedOn: (component, serial): Composition => manifestOf({ component, serial })?.provenance.upstream ?? {},
      isClosed: (composition) => state.isUnconfirmed(composition, generation),
      margin: gate.margin,
      budget: SET_BUDGET,
      signal: searching,
    });
    const found = await search.catch((thrown: unknown) => {
      if (signal.aborted || !changed.signal.aborted) throw thrown;
      return "interrupted" as const;
    });
    if (found === "interrupted") return true;
    // Ends the wait.
    changed.abort();
    searched = key;
    if (found === undefined || decisions.inForce(found.moves) !== undefined) return false;
    await decisions.decide(found.moves, false, signal);
    return true;
  };
}
