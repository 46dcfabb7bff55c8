import { createAnnotatedLosses } from "../../composition/annotated-losses.ts";
import { measureConsistency } from "../../verdicts/consistency.ts";
import type { StoredModel } from "../models/model-store.ts";
import type { Policy } from "../policies/policy.ts";
import type { GapRecord, PolicyRun } from "../records/policy-run.ts";
import { createEachRule } from "../rules/each.ts";
import { createGateRule } from "../rules/gate.ts";
import { Agenda } from "./agenda.ts";
import { createIndependentTeams } from "./independent-teams.ts";
import { createReleaseTrain } from "./release-train.ts";
import type { SeedWorld } from "./seed-world.ts";
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
  return {
    policy: policy.name,
    seed: world.seed,
    irreducible: truth.rowsOf(epoch).irreducible,
    unit: world.unit,
    losses: workshop.losses(),
    snapshots: workshop.book.all(),
    wishes: wishes.records(workshop.book, scenario.ticks),
    gaps: await gapsOf(world, workshop, epoch),
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
      const { pipeline } = world;
      const rowsOf = (epoch: number) => workshop.gateRowsOf(epoch, release.gate.split);
      const rule = createGateRule({ pipeline, style: release, initial: workshop.book.inUse(), rowsOf, signal });
      return createIndependentTeams(deps, rule);
    }
  }
}

async function gapsOf({ pipeline }: SeedWorld, workshop: Workshop, epoch: number): Promise<readonly GapRecord[]> {
  const { annotated, structure } = workshop.rowsOf(epoch);
  const losses = createAnnotatedLosses(annotated);
  const gaps = await measureConsistency(workshop.book.inUse(), { pipeline, losses, groupings: structure.groupings });
  const scale = workshop.normalized(1, epoch) - workshop.normalized(0, epoch);
  return (gaps ?? []).map(({ upstream, downstream, gap }) => ({ upstream, downstream, gap: scale * gap }));
}
