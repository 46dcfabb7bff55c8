import { createAnnotatedLosses } from "../../composition/annotated-losses.ts";
import { measureConsistency } from "../../verdicts/consistency.ts";
import { type MeasuredRows, measureOn } from "../models/measured-rows.ts";
import type { StoredModel } from "../models/model-store.ts";
import type { Policy } from "../policies/policy.ts";
import type { GapRecord, PolicyRun } from "../records/policy-run.ts";
import { createEachRule } from "../rules/each.ts";
import { createGateRule } from "../rules/gate.ts";
import { livesOf } from "../scenario/stages.ts";
import { Agenda } from "./agenda.ts";
import { createIndependentTeams } from "./independent-teams.ts";
import { createReleaseTrain } from "./release-train.ts";
import type { SeedWorld, WorldStage } from "./seed-world.ts";
import { splitTeam } from "./split-team.ts";
import { createTeamCalendar } from "./team-calendar.ts";
import type { Happening, Teams, TeamsDeps } from "./teams.ts";
import { createWishLedger } from "./wish-ledger.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

export interface SimulateOptions {
  readonly signal: AbortSignal;
  /** Called after each tick. */
  onTick?(tick: number): void;
  /** Called with each snapshot, the initial ones first, which have the serial 1. */
  onSnapshot?(component: string, serial: number, model: StoredModel): void;
}

/**
 * Simulates one policy on one seed, in virtual time. Trainings, compositions, verdicts and gates are those of the services.
 * The same arguments give the same run, bit for bit.
 *
 * @throws UncoupleError as `trainComponent`; the reason of the signal once it is aborted
 */
export async function simulatePolicy(world: SeedWorld, policy: Policy, options: SimulateOptions): Promise<PolicyRun> {
  const { signal } = options;
  const { scenario, truth, events } = world;
  const workshop = await openWorkshop(world, policy, options);
  const agenda = new Agenda<Happening>();
  const wishes = createWishLedger();
  const teams = createTeams(
    policy,
    {
      world,
      workshop,
      wishes,
      agenda,
      calendar: createTeamCalendar(events.outages),
    },
    signal,
  );
  let epoch = truth.epochAt(0);
  // Before what else happens at the same time.
  for (const [place, split] of events.splits.entries()) {
    agenda.add(split.at, () => splitTeam(split, world.stages[place + 1] as WorldStage, workshop, teams));
  }
  for (let tick = 0; tick <= scenario.ticks; tick++) {
    agenda.add(tick, async () => {
      if (truth.epochAt(tick) !== epoch) {
        epoch = truth.epochAt(tick);
        await workshop.remeasure(tick);
      }
      teams.onTick(tick);
      options.onTick?.(tick);
    });
  }
  for (const wish of events.wishes) {
    agenda.add(wish.at, (at) => {
      wishes.add(wish);
      teams.onWish(wish, at);
    });
  }
  for (let next = agenda.take(); next !== undefined && next.at <= scenario.ticks; next = agenda.take()) {
    signal.throwIfAborted();
    await next.event(next.at);
  }
  const ends = new Map(livesOf(world.stages).map(({ team, to }) => [team.name, Math.min(to, scenario.ticks)]));
  return {
    policy: policy.name,
    seed: world.seed,
    irreducible: truth.rowsOf(epoch).irreducible,
    unit: world.unit,
    losses: workshop.losses(),
    snapshots: workshop.book.all(),
    wishes: wishes.records(workshop.book, (team) => ends.get(team) as number),
    gaps: await gapsOf(world, workshop, epoch, signal),
  };
}

function createTeams({ release }: Policy, deps: TeamsDeps, signal: AbortSignal): Teams {
  const { world, workshop } = deps;
  switch (release.by) {
    case "train":
      return createReleaseTrain(deps);
    case "each":
      return createIndependentTeams(deps, createEachRule(release.rejects));
    case "gate": {
      const gate = { ...world.scenario.gate, ...release.changes };
      const { pipeline } = workshop.stage();
      const rowsOf = (epoch: number) => workshop.gateRowsOf(epoch, gate.split);
      const initial = workshop.book.inUse();
      return createIndependentTeams(deps, createGateRule({ pipeline, gate, style: release, initial, rowsOf, signal }));
    }
  }
}

async function gapsOf(
  { scenario, truth }: SeedWorld,
  workshop: Workshop,
  epoch: number,
  signal: AbortSignal,
): Promise<readonly GapRecord[]> {
  const { pipeline } = workshop.stage();
  const scale = workshop.normalized(1, epoch) - workshop.normalized(0, epoch);
  const measure = async ({ annotated, structure }: MeasuredRows) => {
    const losses = createAnnotatedLosses(annotated);
    const gaps = await measureConsistency(workshop.book.inUse(), { pipeline, losses, groupings: structure.groupings });
    return gaps ?? [];
  };
  const observed = await measure(workshop.rowsOf(epoch));
  const exact =
    scenario.truth.noise === 0
      ? observed
      : await measure(measureOn(pipeline, truth.rowsOf(epoch).exact, workshop.shelf, signal));
  return exact.flatMap(({ upstream, downstream, gap }) => {
    const same = observed.find((one) => one.upstream === upstream && one.downstream === downstream);
    return same === undefined ? [] : [{ upstream, downstream, gap: scale * gap, observed: scale * same.gap }];
  });
}
