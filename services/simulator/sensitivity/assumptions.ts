import type { Scenario } from "../scenario/scenario.ts";

/** The scenario with one assumption changed. Its policies have the order of the scenario's, though their arguments may differ. */
export interface ChangedAssumption {
  readonly assumption: "truth width" | "noise" | "cadence" | "audit size";
  /** How the scenario has it, and how it has it here. */
  readonly from: string;
  readonly to: string;
  readonly scenario: Scenario;
}

/** The noise to try where the scenario has none, in standard deviations of the true values. */
const SOME_NOISE = 0.3;
/** Audit sizes differ by orders of magnitude between organizations. */
const AUDIT_FACTOR = 4;
const FEWEST_AUDITED = 20;

/**
 * Changes one assumption at a time: half and twice the width of all true functions, twice and half the cadence, no noise or
 * twice as much (0.3 where there is none), and a quarter and four times the audited rows of policies that have them.
 */
export function changedAssumptions(scenario: Scenario): readonly ChangedAssumption[] {
  return [
    ...[0.5, 2].map((factor) => widthTimes(scenario, factor)),
    ...noises(scenario.truth.noise).map((noise) => withNoise(scenario, noise)),
    ...[0.5, 2].map((factor) => everyTimes(scenario, factor)),
    ...[1 / AUDIT_FACTOR, AUDIT_FACTOR].flatMap((factor) => auditTimes(scenario, factor)),
  ];
}

function widthTimes(scenario: Scenario, factor: number): ChangedAssumption {
  const times = (width: number) => Math.max(1, Math.round(factor * width));
  const { truth } = scenario;
  const changed = { ...truth, width: times(truth.width), rootWidth: times(truth.rootWidth) };
  return {
    assumption: "truth width",
    from: `${truth.rootWidth} and ${truth.width} units`,
    to: `${changed.rootWidth} and ${changed.width} units`,
    scenario: {
      ...scenario,
      truth: changed,
      teams: scenario.teams.map(({ width, ...team }) => ({
        ...team,
        ...(width !== undefined && { width: times(width) }),
      })),
    },
  };
}

function noises(noise: number): readonly number[] {
  return noise === 0 ? [SOME_NOISE] : [0, 2 * noise];
}

function withNoise(scenario: Scenario, noise: number): ChangedAssumption {
  return {
    assumption: "noise",
    from: `${scenario.truth.noise}`,
    to: `${noise}`,
    scenario: { ...scenario, truth: { ...scenario.truth, noise } },
  };
}

function everyTimes(scenario: Scenario, factor: number): ChangedAssumption {
  const every = factor * scenario.cadence.every;
  const times = factor < 1 ? "twice as often" : "half as often";
  return {
    assumption: "cadence",
    from: "as in the scenario",
    to: times,
    scenario: {
      ...scenario,
      cadence: { ...scenario.cadence, every },
      teams: scenario.teams.map((team) => ({
        ...team,
        ...(team.every !== undefined && { every: factor * team.every }),
      })),
    },
  };
}

/** Nothing where no policy audits, and where two policies would become one. */
function auditTimes(scenario: Scenario, factor: number): readonly ChangedAssumption[] {
  const most = scenario.training.rows;
  const sizes: string[] = [];
  const changed: string[] = [];
  const policies = scenario.policies.map((policy) => {
    const [name, argument] = policy.split(":");
    if (name !== "causal-audit") return policy;
    const rows = Math.min(most, Math.max(FEWEST_AUDITED, Math.round(factor * Number(argument))));
    sizes.push(argument as string);
    changed.push(`${rows}`);
    return `${name}:${rows}`;
  });
  const isSame = changed.every((size, at) => size === sizes[at]);
  if (isSame || new Set(policies).size < policies.length) return [];
  return [
    {
      assumption: "audit size",
      from: `${sizes.join(", ")} rows`,
      to: `${changed.join(", ")} rows`,
      scenario: { ...scenario, policies },
    },
  ];
}
