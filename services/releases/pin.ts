import { timestamp } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { authorText } from "../composition/champions.ts";
import { CHAMPION, pinnedSerials } from "../composition/in-use.ts";
import type { ReleaseRules } from "../pipeline/documents/gate-schema.ts";
import { digestOfGate } from "../pipeline/gate.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Release } from "../pipeline/release.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { AliasChange } from "../registry/registry.ts";
import { holdOthers, lift, type OrderLog, type Person } from "./append-order.ts";
import { appendRelease } from "./append-release.ts";
import { causeText } from "./cause-text.ts";
import { faultsOf, type SnapshotLogs, throwFaults } from "./named-snapshots.ts";
import { overridesOf } from "./overrides.ts";
import { readLedger } from "./read-ledger.ts";
import { checkReason, releaseRules } from "./release-rules.ts";

export interface PinDeps extends OrderLog {
  readonly backplane: SnapshotLogs & Pick<Backplane, "pipelines" | "ledger">;
}

/** What a person does to the champion of one component. */
export interface ChampionRequest extends Person {
  readonly component: string;
}

/**
 * The alias `champion`: the snapshot that a person chose for a component. Before the first release, it is in the alias log.
 * From then on it is what releases pin (`Release.pinned`), and the alias log's champions are history.
 *
 * Puts a snapshot in use until a person moves the component again, or it is quarantined.
 * @throws UncoupleError `not-found`; `failed-precondition` for a snapshot that is quarantined or not judged, and against a
 *   freeze, an order or a gate's decision; `invalid-argument` without a reason that is required; `conflict` if another
 *   release has moved the component; DeletedError
 */
export async function pinComponent(deps: PinDeps, request: ChampionRequest, serial: number): Promise<AliasChange> {
  const { backplane } = deps;
  const { component } = request;
  const change = await beforeReleases(deps, async () => {
    const { [CHAMPION]: now = null } = await backplane.registry.aliases(component);
    return backplane.registry.setAlias(component, CHAMPION, serial, now, authorText(request));
  });
  if (change !== undefined) return change;
  const snapshot = { component, serial };
  const rules = await releaseRules(backplane);
  await backplane.registry.manifest(component, serial);
  throwFaults(await faultsOf([snapshot], backplane), `cannot use ${snapshotName(snapshot)}`);
  return moved(deps, request, rules, async (before) => {
    const { state } = await readLedger(backplane.ledger);
    const moves = before.composition[component] === serial ? {} : { [component]: serial };
    const overridden = overridesOf(moves, state, rules, timestamp(deps.clock)).filter(({ kind }) => kind !== "manual");
    if (Object.keys(moves).length > 0 && overridden.length > 0) {
      throw new UncoupleError(
        "failed-precondition",
        `${overridden.map(({ why }) => why).join("; ")}; use \`uncouple promote ${snapshotName(snapshot)} --override\`, which is recorded`,
      );
    }
    return { kind: "pin", serial, isPinned: true };
  });
}

/**
 * Takes a component's champion away: what is in use follows the rule again.
 * @throws UncoupleError as `pinComponent`; `failed-precondition` if the component has no champion
 */
export async function unpinComponent(deps: PinDeps, request: ChampionRequest): Promise<AliasChange> {
  const { registry } = deps.backplane;
  const { component } = request;
  const change = await beforeReleases(deps, async () => {
    const { [CHAMPION]: now = null } = await registry.aliases(component);
    return registry.setAlias(component, CHAMPION, null, now, authorText(request));
  });
  if (change !== undefined) return change;
  return moved(deps, request, await releaseRules(deps.backplane), async ({ composition, pinned }) => {
    const serial = composition[component];
    if (serial !== undefined && pinned.includes(component)) return { kind: "pin", serial, isPinned: false };
    throw new UncoupleError("failed-precondition", `${component} has no ${CHAMPION}`);
  });
}

/**
 * Puts back in use what was released of a component before, without what is quarantined or deleted by now. Calling it again
 * goes further back. Without a gate that enforces, the component is pinned; with a gate, what was in use is on hold.
 * @throws UncoupleError as `pinComponent`; `failed-precondition` if there is nothing to roll back to
 */
export async function rollbackComponent(deps: PinDeps, request: ChampionRequest): Promise<AliasChange> {
  const { backplane } = deps;
  const { component } = request;
  const change = await beforeReleases(deps, () =>
    backplane.registry.rollback(component, CHAMPION, authorText(request)),
  );
  if (change !== undefined) return change;
  const rules = await releaseRules(backplane);
  const isEnforced = rules.gate?.mode === "enforce";
  return moved(deps, request, rules, async ({ composition }) => {
    const champions = (await backplane.registry.aliasLog(component)).filter(({ alias }) => alias === CHAMPION);
    const { releases } = await readLedger(backplane.ledger);
    for (const serial of earlierSerials(component, champions, releases)) {
      const faults = await faultsOf([{ component, serial }], backplane);
      if (faults.length > 0) continue;
      const now = composition[component];
      return {
        kind: "rollback",
        serial,
        isPinned: !isEnforced,
        holds: now === undefined || rules.gate === undefined ? [] : [{ component, serial: now }],
      };
    }
    throw new UncoupleError(
      "failed-precondition",
      `nothing of ${component} was in use before that is still usable: there is nothing to go back to`,
    );
  });
}

/**
 * What a rollback of a component goes back to: what was in use before, newest first, without what earlier rollbacks undid. While
 * a person's choice is in use, these are the choices before it.
 * @param champions changes of its champion before the first release, oldest first
 */
export function earlierSerials(
  component: string,
  champions: readonly Pick<AliasChange, "kind" | "serial">[],
  releases: readonly Pick<Release, "kind" | "composition" | "pinned">[],
): readonly number[] {
  const all = [
    ...champions.map(({ kind, serial }) => ({ kind, serial: serial ?? undefined, isPinned: serial !== null })),
    ...releases.map(({ kind, composition, pinned }) => ({
      kind,
      serial: composition[component],
      isPinned: pinned.includes(component),
    })),
  ];
  // Most releases move other components.
  const states = all.filter(({ serial, isPinned }, index) => {
    const before = all[index - 1];
    return before === undefined || before.serial !== serial || before.isPinned !== isPinned;
  });
  const pinned = states.filter(({ isPinned }) => isPinned);
  const isChosen = states.at(-1)?.isPinned === true && pinned.some(({ kind }) => kind !== "rollback");
  const past: (number | undefined)[] = [];
  for (const { kind, serial } of isChosen ? pinned : states) {
    if (serial === past.at(-1)) continue;
    const at = kind === "rollback" ? past.lastIndexOf(serial) : -1;
    if (at >= 0) past.length = at + 1;
    else past.push(serial);
  }
  const now = past.pop();
  return past.reverse().filter((serial) => serial !== undefined && serial !== now) as number[];
}

/** @returns undefined from the first release on */
async function beforeReleases(
  { backplane }: PinDeps,
  change: () => Promise<AliasChange>,
): Promise<AliasChange | undefined> {
  if ((await backplane.ledger.release()) !== undefined) return undefined;
  const changed = await change();
  // A first release that came in between may have missed it.
  return (await backplane.ledger.release()) === undefined ? changed : undefined;
}

interface Move extends Pick<Release, "kind"> {
  readonly serial: number;
  readonly isPinned: boolean;
  /** What must not be promoted again. */
  readonly holds?: Parameters<typeof holdOthers>[1];
}

/** Appends a release that differs from the newest in one component, again where a release of other components came first. */
async function moved(
  deps: PinDeps,
  { component, by, reason }: ChampionRequest,
  rules: ReleaseRules,
  decide: (before: Release) => Promise<Move>,
): Promise<AliasChange> {
  const { backplane, pipeline, clock } = deps;
  checkReason(rules, reason);
  let seen: Release | undefined;
  for (;;) {
    const before = (await backplane.ledger.release())?.value as Release;
    seen ??= before;
    if (stateOf(component, seen) !== stateOf(component, before)) {
      throw new UncoupleError(
        "conflict",
        `release ${before.number} has moved ${component} in between (${causeText(before)}); see \`uncouple release\``,
      );
    }
    const { kind, serial, isPinned, holds = [] } = await decide(before);
    const at = timestamp(clock);
    const others = before.pinned.filter((name) => name !== component);
    const previous = pinnedSerials({ release: before, champions: {} })[component] ?? null;
    const change: AliasChange = {
      component,
      alias: CHAMPION,
      kind: kind === "rollback" ? "rollback" : "set",
      serial: kind === "rollback" || isPinned ? serial : null,
      previous: kind === "rollback" ? (before.composition[component] ?? null) : previous,
      by: authorText({ by, reason }),
      at,
    };
    if (kind !== "rollback" && change.serial === previous) return change;
    const why = `rolled back to ${snapshotName({ component, serial })}`;
    // The holds come first: a gate must not promote these snapshots again in between.
    const held = await holdOthers(deps, holds, { by, reason: reason === null ? why : `${why}: ${reason}` });
    const draft = {
      pipeline,
      at,
      composition: { ...before.composition, [component]: serial },
      previous: before,
      kind,
      cause: { type: "person" as const, by, reason },
      pinned: isPinned ? [...others, component].sort() : others,
      gate: rules.gate === undefined ? null : digestOfGate(rules.gate),
    };
    if ((await appendRelease(backplane, draft, component)) !== undefined) return change;
    await lift(deps, held, { by, reason: `${why} did not happen yet: another release came first` });
  }
}

function stateOf(component: string, { composition, pinned }: Release): string {
  return `${composition[component]} ${pinned.includes(component)}`;
}
