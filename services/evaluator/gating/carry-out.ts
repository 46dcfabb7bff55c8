import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { readInForce } from "../../composition/in-use.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Decision, DecisionReason, Release } from "../../pipeline/release.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import type { Composition, Logged } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { namesOf } from "../../registry/retention.ts";
import { NO_OWNER } from "../../registry/retention-index.ts";
import { appendRelease } from "../../releases/append-release.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { Logger } from "../../runtime/logs.ts";
import { releasedNow } from "./candidates.ts";
import type { Decisions } from "./decisions.ts";

export interface CarryOutDeps {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly retained: number;
  readonly backplane: Pick<Backplane, "ledger" | "registry" | "retention">;
  readonly view: Pick<PipelineView, "history" | "noteRelease" | "noteDeleted">;
  readonly state: LedgerState;
  readonly decisions: Pick<Decisions, "append" | "forbidden">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Each appends one entry at most, on what `state` knows, and returns whether there was anything to append. */
export interface CarryOut {
  /** Releases what was decided and is not in use yet, or voids it if the release has moved, or a snapshot may not move anymore. */
  decided(): Promise<boolean>;
  /** Takes a quarantined snapshot out of use: its component goes back to the newest earlier released one that is sound. */
  quarantined(): Promise<boolean>;
  /**
   * Begins the ledger with the champions of a store of before, or releases the newest snapshot of a component that was never
   * released, under a gate that says so.
   */
  first(): Promise<boolean>;
}

export function createCarryOut(deps: CarryOutDeps): CarryOut {
  const { pipeline, gate, backplane, view, state, decisions, clock, log } = deps;
  const { history } = view;
  const isSound = (component: string, serial: number) => history.sound(component).has(serial, Number.POSITIVE_INFINITY);

  /** With components that the pipeline file lacks: they stay. */
  const inUse = (): Composition => state.release()?.composition ?? {};

  async function release(
    composition: Composition,
    kind: Release["kind"],
    cause: Release["cause"],
    pinned = releasedNow(pipeline, state).pinned,
  ): Promise<void> {
    const previous = state.release();
    const stamp = { pipeline: pipeline.name, at: timestamp(clock), gate: digestOfGate(gate) };
    try {
      const appended = await appendRelease(
        backplane,
        { ...stamp, previous, composition, kind, cause, pinned },
        NO_OWNER,
      );
      if (appended === undefined) return;
      view.noteRelease(appended);
      log.info(
        { release: appended.number, composition, kind, cause },
        `release ${appended.number}: ${kind} (${cause.type})`,
      );
    } catch (thrown) {
      if (!(thrown instanceof DeletedError)) throw thrown;
      view.noteDeleted(thrown.snapshot);
    }
  }

  /** Why a promotion can no longer be carried out. */
  function obstacles({ value }: Logged<Decision>): readonly DecisionReason[] {
    if (value.release !== releasedNow(pipeline, state).number || value.gate !== digestOfGate(gate)) return ["moved"];
    if (namesOf(value.moves).some(({ component, serial }) => !isSound(component, serial))) return ["missing"];
    return decisions.forbidden(value.moves);
  }

  /** The ledger of a store of before begins with the champions, which people chose. */
  async function found(): Promise<boolean> {
    const { champions } = await readInForce(backplane);
    if (state.release() !== undefined) return true;
    const isUsable = ({ component, serial }: SnapshotId) =>
      history.usable(component).has(serial, Number.POSITIVE_INFINITY);
    const chosen = namesOf(champions).filter(isUsable);
    if (chosen.length === 0) return false;
    const composition = Object.fromEntries(chosen.map(({ component, serial }) => [component, serial]));
    await release(composition, "promote", { type: "founded" }, Object.keys(composition));
    return true;
  }

  return {
    async decided() {
      const promoted = state.unreleased();
      if (promoted === undefined) return false;
      const { moves, release: number } = promoted.value;
      const reasons = obstacles(promoted);
      if (reasons.length > 0) await decisions.append(moves, { decision: "void", reasons, release: number });
      else {
        await release({ ...inUse(), ...moves }, "promote", { type: "decision", position: promoted.position });
      }
      return true;
    },
    async quarantined() {
      const { composition } = releasedNow(pipeline, state);
      const snapshot = namesOf(composition).find((one) => history.isQuarantined(one));
      if (snapshot === undefined) return false;
      const { component } = snapshot;
      const earlier = state
        .released(component)
        .filter((serial) => isSound(component, serial) && state.orderOn({ component, serial }) === undefined)
        .at(-1);
      const { [component]: _, ...others } = inUse();
      log.warn(`${snapshotName(snapshot)} is quarantined: ${component} goes back to ${earlier ?? "no snapshot"}`);
      const next = earlier === undefined ? others : { ...others, [component]: earlier };
      await release(next, "rollback", { type: "quarantine", snapshot });
      return true;
    },
    async first() {
      if (state.release() === undefined && (await found())) return true;
      if (gate.bootstrap !== "newest") return false;
      for (const { name } of pipeline.components) {
        if (state.released(name).length > 0) continue;
        const serials = history.usable(name).newest(deps.retained, Number.POSITIVE_INFINITY);
        const serial = serials.filter((one) => decisions.forbidden({ [name]: one }).length === 0).at(-1);
        if (serial === undefined) continue;
        await release({ ...inUse(), [name]: serial }, "promote", { type: "bootstrap" });
        return true;
      }
      return false;
    },
  };
}
