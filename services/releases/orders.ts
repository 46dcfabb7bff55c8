import { timestamp } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { digestOfGate } from "../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { movesName, type Order, type Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import { namesOf } from "../registry/retention.ts";
import { NO_OWNER } from "../registry/retention-index.ts";
import { appendOrder, holdOthers, lift, type OrderLog, type Person } from "./append-order.ts";
import { appendRelease } from "./append-release.ts";
import { causeText } from "./cause-text.ts";
import { asMoves, checkKnown, faultsOf, type SnapshotLogs, throwFaults } from "./named-snapshots.ts";
import { overridesOf } from "./overrides.ts";
import { readLedger } from "./read-ledger.ts";
import { checkReason, releaseRules } from "./release-rules.ts";
import { isSame, releaseNumbered, rollbackTarget } from "./rollback-target.ts";

export interface OrderDeps extends OrderLog {
  readonly backplane: SnapshotLogs & Pick<Backplane, "pipelines" | "ledger" | "generations">;
}

export interface PromoteRequest extends Person {
  /** One of each component: they move as one release. */
  readonly snapshots: readonly SnapshotId[];
  /** The number of the release that must be in use; undefined: any that the moved components are in use of as before. */
  readonly against?: number | undefined;
  /** Whether to promote against a freeze, an order or a gate's decision. */
  readonly override: boolean;
}

export interface PromotedByHand {
  readonly release: Release;
  /** Components of the pipeline that have no snapshot in the release. */
  readonly missing: readonly string[];
}

/**
 * Releases snapshots because a person says so, whatever was measured. Under a gate that enforces, the gate goes on from
 * there; otherwise the components are pinned, since the newest snapshots would replace them.
 *
 * Another release that comes first is taken into account as long as the moved components are what they were; with
 * `against`, none may come first.
 *
 * @throws UncoupleError `invalid-argument` without a reason that is required, or for two snapshots of one component;
 *   `not-found` for an unknown component or snapshot; `failed-precondition` for a snapshot that is quarantined or not
 *   judged, one in use already, and what needs `override`; `conflict` naming the release that came first; DeletedError
 */
export async function promoteByHand(deps: OrderDeps, request: PromoteRequest): Promise<PromotedByHand> {
  const { backplane, pipeline, clock } = deps;
  const { snapshots, against, override, by, reason } = request;
  const rules = await releaseRules(backplane);
  checkReason(rules, reason);
  await checkKnown(snapshots, { pipeline, components: rules.components }, backplane.registry);
  const moves = asMoves(snapshots);
  throwFaults(await faultsOf(snapshots, backplane), `cannot promote ${movesName(moves)}`);
  let seen: Release | null | undefined;
  for (;;) {
    const { state } = await readLedger(backplane.ledger);
    const before = state.release();
    if (against !== undefined) checkAgainst(before, against);
    if (seen !== undefined) checkUntouched(moves, seen, before);
    seen ??= before ?? null;
    const enforces = rules.gate?.mode === "enforce";
    if (before === undefined && !enforces) throw noRelease();
    const composition = { ...before?.composition, ...moves };
    const pins = enforces ? [] : Object.keys(moves);
    const pinned = [...new Set([...(before?.pinned ?? []), ...pins])].sort();
    if (before !== undefined && isSame(before.composition, composition) && pinned.length === before.pinned.length) {
      throw new UncoupleError(
        "failed-precondition",
        `${movesName(moves)} is already in use, by release ${before.number}`,
      );
    }
    const at = timestamp(clock);
    const overridden = overridesOf(changedIn(moves, before), state, rules, at);
    const refused = overridden.filter(({ kind }) => kind !== "manual").map(({ why }) => why);
    if (refused.length > 0 && !override) {
      throw new UncoupleError(
        "failed-precondition",
        `${refused.join("; ")}; add --override to promote ${movesName(moves)} anyway, which is recorded`,
      );
    }
    const overrides = [...new Set(overridden.map(({ kind }) => kind))];
    const release = await appendRelease(
      backplane,
      {
        pipeline,
        at,
        composition,
        previous: before,
        kind: enforces ? "promote" : "pin",
        cause: { type: "person", by, reason, ...(overrides.length > 0 && { overrides }) },
        pinned,
        gate: rules.gate === undefined ? null : digestOfGate(rules.gate),
      },
      NO_OWNER,
    );
    if (release !== undefined) return { release, missing: missingIn(composition, rules.components) };
  }
}

function noRelease(): UncoupleError {
  return new UncoupleError(
    "failed-precondition",
    "there is no release yet, and no gate is in force: an evaluator writes the first one, unless the pipeline file has a gate; then put the file in force with `uncouple pipeline apply FILE`",
  );
}

/** What of the moves is not in use already. */
function changedIn(moves: Composition, release: Release | undefined): Composition {
  return Object.fromEntries(Object.entries(moves).filter(([name, serial]) => release?.composition[name] !== serial));
}

function missingIn(composition: Composition, components: readonly string[]): readonly string[] {
  return components.filter((name) => composition[name] === undefined);
}

/** @throws UncoupleError `conflict` */
function checkAgainst(newest: Release | undefined, against: number): void {
  if (newest?.number === against) return;
  const now =
    newest === undefined ? "there is no release yet" : `release ${newest.number} is in use (${causeText(newest)})`;
  throw new UncoupleError("conflict", `${now}, not release ${against}; see \`uncouple release\` and promote again`);
}

/** @throws UncoupleError `conflict` if another release has moved one of these components */
function checkUntouched(moves: Composition, seen: Release | null, newest: Release | undefined): void {
  const moved = Object.keys(moves).filter((name) => seen?.composition[name] !== newest?.composition[name]);
  if (newest === undefined || moved.length === 0) return;
  throw new UncoupleError(
    "conflict",
    `release ${newest.number} came first and moved ${moved.join(", ")} (${causeText(newest)}); see \`uncouple release\` and promote again`,
  );
}

export interface RollbackRequest extends Person {
  /** The number of the release to restore; undefined: the one before, and further back on every call. */
  readonly to?: number | undefined;
}

export interface RolledBack {
  readonly release: Release;
  /** The number of the release whose composition is in use again. */
  readonly restored: number;
  /** What was in use, and is on hold from now on: only a person promotes it again. None without a gate. */
  readonly held: readonly SnapshotId[];
  /** Components of the pipeline that have no snapshot in the release. */
  readonly missing: readonly string[];
}

/**
 * Puts the composition of an earlier release in use again, without components that the pipeline no longer has. A freeze
 * does not prevent it. Without a gate that enforces, the components that it moves are pinned, as by `promoteByHand`.
 *
 * @throws UncoupleError `invalid-argument` without a reason that is required; `not-found` for an unknown release;
 *   `failed-precondition` if there is nothing to roll back to, the composition is in use already, or a snapshot of it is
 *   quarantined; `deleted`; `conflict` naming a release that came first: nothing changes
 */
export async function rollbackReleases(deps: OrderDeps, request: RollbackRequest): Promise<RolledBack> {
  const { backplane, pipeline, clock } = deps;
  const { to, by, reason } = request;
  const rules = await releaseRules(backplane);
  checkReason(rules, reason);
  const { state, releases } = await readLedger(backplane.ledger);
  const target = to === undefined ? rollbackTarget(releases) : releaseNumbered(releases, to);
  // A target is one of the releases, so that there is a newest.
  const before = state.release() as Release;
  const composition = Object.fromEntries(
    Object.entries(target.composition).filter(([name]) => rules.components.includes(name)),
  );
  if (isSame(composition, before.composition)) {
    throw new UncoupleError("failed-precondition", `the composition of release ${target.number} is in use already`);
  }
  const what = `cannot roll back to release ${target.number}${to === undefined ? " (choose another with --to)" : ""}`;
  throwFaults(await faultsOf(namesOf(composition), backplane), what);
  const removed = namesOf(before.composition).filter(({ component, serial }) => composition[component] !== serial);
  const why = `rolled back from release ${before.number} to ${target.number}`;
  const at = timestamp(clock);
  // Holds are for gates, and come first: a gate must not promote these snapshots again in between.
  const held = await holdOthers(deps, rules.gate === undefined ? [] : removed, {
    by,
    reason: reason === null ? why : `${why}: ${reason}`,
  });
  const enforces = rules.gate?.mode === "enforce";
  const pins = enforces
    ? []
    : Object.keys(composition).filter((name) => composition[name] !== before.composition[name]);
  const pinned = [...new Set([...before.pinned, ...pins])].filter((name) => composition[name] !== undefined).sort();
  const release = await appendRelease(
    backplane,
    {
      pipeline,
      at,
      composition,
      previous: before,
      kind: "rollback",
      cause: { type: "person", by, reason },
      pinned,
      gate: rules.gate === undefined ? null : digestOfGate(rules.gate),
    },
    NO_OWNER,
  );
  if (release !== undefined) {
    return { release, restored: target.number, held, missing: missingIn(composition, rules.components) };
  }
  await lift(deps, held, { by, reason: `${why} did not happen: another release came first` });
  const first = (await backplane.ledger.release())?.value;
  const who = first === undefined ? "another release" : `release ${first.number} (${causeText(first)})`;
  throw new UncoupleError("conflict", `${who} came first, so nothing was rolled back; see \`uncouple release\``);
}

export interface OrderRequest extends Person {
  readonly verb: "refuse" | "hold" | "resume";
  readonly snapshots: readonly SnapshotId[];
}

/**
 * Tells the gate that snapshots must not be promoted, alone or in a set, or that they may be again.
 *
 * @throws UncoupleError `invalid-argument` without a reason that is required; `not-found` for an unknown component or
 *   snapshot; `failed-precondition` for a snapshot in use, one that is never promoted anyway, and for `resume` one that is
 *   neither held nor refused; `deleted`
 */
export async function order(deps: OrderDeps, { verb, snapshots, by, reason }: OrderRequest): Promise<Order> {
  const { backplane } = deps;
  const rules = await releaseRules(backplane);
  checkReason(rules, reason);
  await checkKnown(snapshots, { pipeline: deps.pipeline, components: rules.components }, backplane.registry);
  if (verb !== "resume") {
    const faults = await faultsOf(snapshots, backplane, { unjudged: true });
    throwFaults(faults, `cannot ${verb} what is never promoted`);
  }
  return appendOrder(deps, { by, reason }, (state) => {
    for (const snapshot of snapshots) {
      const name = snapshotName(snapshot);
      const release = state.release();
      if (verb === "resume" && state.orderOn(snapshot) === undefined) {
        throw new UncoupleError("failed-precondition", `${name} is neither held nor refused`);
      }
      if (verb !== "resume" && release?.composition[snapshot.component] === snapshot.serial) {
        throw new UncoupleError(
          "failed-precondition",
          `${name} is in use, by release ${release.number}; take it out of use with \`uncouple rollback\`, which holds it`,
        );
      }
    }
    return { verb, snapshots };
  });
}

/**
 * Lets the gate ask the reserve rows of the held-out rows in use, once it has spent its questions on the confirm rows.
 *
 * @throws UncoupleError `invalid-argument` without a reason that is required; `failed-precondition` without a gate that
 *   enforces, before an evaluator has read the rows, or if the reserve is open already
 */
export async function openReserve(deps: OrderDeps, person: Person): Promise<Order> {
  const rules = await releaseRules(deps.backplane);
  checkReason(rules, person.reason);
  if (rules.gate?.mode !== "enforce") {
    throw new UncoupleError(
      "failed-precondition",
      "the pipeline file in force has no gate with mode enforce, so nothing asks the reserve rows",
    );
  }
  const held = await deps.backplane.generations.current();
  if (held === undefined) {
    throw new UncoupleError(
      "failed-precondition",
      "no evaluator has read the held-out rows yet, so there are no reserve rows to open",
    );
  }
  const { generation } = held;
  return appendOrder(deps, person, (state) => {
    if (!state.isReserveOpen(generation)) return { verb: "open-reserve", snapshots: [], generation };
    throw new UncoupleError(
      "failed-precondition",
      `the reserve rows of held-out generation ${generation} are open already`,
    );
  });
}
