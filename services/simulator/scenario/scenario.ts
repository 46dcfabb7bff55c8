import { DEFAULT_GATE, type GatePolicy } from "../../pipeline/gate.ts";

/** A model of an organization, and what to try on it: the contents of a scenario file. Time is in ticks. */
export interface Scenario {
  readonly name: string;
  /** At the start, in topological order: every team comes after those whose output it reads. */
  readonly teams: readonly Team[];
  readonly truth: TruthSpec;
  readonly cadence: Cadence;
  readonly training: TrainingSpec;
  readonly deployment: DeploymentSpec;
  readonly drift: DriftSpec;
  readonly events: EventSpec;
  /** Of all gated policies, but for what a policy itself sets. */
  readonly gate: GatePolicy;
  /** As `parsePolicy` reads them. */
  readonly policies: readonly string[];
  readonly seeds: readonly number[];
  readonly ticks: number;
}

/** A team and its component, which have one name. */
export interface Team {
  readonly name: string;
  /** The teams whose outputs it reads. */
  readonly reads: readonly string[];
  /** What differs from the scenario's own keys. */
  readonly hidden?: readonly number[];
  readonly every?: number;
  readonly steps?: number;
  /** Of its true function. */
  readonly width?: number;
}

/** The data-generating process: every component is a random network of its columns and of its upstream's true outputs. */
export interface TruthSpec {
  /** Hidden units of a component that reads others, and of one that does not. */
  readonly width: number;
  readonly rootWidth: number;
  /** Numbers that a component reads of its own, and one that reads no other. All are N(0, 1). */
  readonly columns: number;
  readonly rootColumns: number;
  /** Numbers that a component outputs if another reads it; one that is not read outputs 1. */
  readonly outputs: number;
  /** Scale of the weights on upstream outputs. */
  readonly coupling: number;
  /** Standard deviation of the noise in observed targets, whose true values have variance 1. */
  readonly noise: number;
}

export const CADENCES = ["poisson", "periodic", "bursty"] as const;

/** When a team wishes to train. */
export interface Cadence {
  readonly kind: (typeof CADENCES)[number];
  /** Mean number of ticks between two wishes of a team. */
  readonly every: number;
}

export interface TrainingSpec {
  /** Hidden layers of the models. */
  readonly hidden: readonly number[];
  readonly steps: number;
  /** Training rows at the start, and rows that each tick adds. */
  readonly rows: number;
  readonly growth: number;
  readonly heldOut: number;
  /** Mean ticks of a training; each takes between half and one and a half times as long. */
  readonly duration: number;
  /** Age of the upstream snapshots that a training pins: those in use so many ticks before it starts. */
  readonly staleness: number;
}

export interface DeploymentSpec {
  /** Mean ticks from the end of a training to its deployment; between half and one and a half times as long. */
  readonly delay: number;
  /** Ticks that every participant adds to a release train. */
  readonly coordination: number;
}

/** How the data changes, per tick. */
export interface DriftSpec {
  /** Shift of the means of all columns, in standard deviations. */
  readonly inputs: number;
  /** Rotation of the hidden weights of every true function, in radians. */
  readonly truth: number;
}

export const SCRIPTED_KINDS = ["upgrade", "downgrade", "bad-release", "outage", "split"] as const;
export type ScriptedKind = (typeof SCRIPTED_KINDS)[number];

/** What happens to teams at random, and what is scripted. */
export interface EventSpec {
  /** Probabilities per wish: from it on, the model has twice or half the units; or this training alone is a bad one. */
  readonly upgrade: number;
  readonly downgrade: number;
  readonly badRelease: number;
  /** Probability per tick and team, and its ticks: the team neither starts a training nor deploys. */
  readonly outage: number;
  readonly outageTicks: number;
  readonly scripted: readonly ScriptedEvent[];
}

export interface ScriptedEvent {
  readonly tick: number;
  readonly team: string;
  /** `bad-release`: the team's next training. `split`: two teams take its place. */
  readonly kind: ScriptedKind;
  /** Of an outage. */
  readonly ticks?: number;
  /** Of a split: the names of the two teams, the second of which reads the first one. */
  readonly into?: readonly [first: string, second: string];
}

export const DEFAULT_TEAMS = 200;
export const DEFAULT_SHAPE = "layered";

/** What the keys of a scenario file default to. */
export const DEFAULT_SCENARIO: Omit<Scenario, "name" | "teams"> = {
  truth: { width: 16, rootWidth: 8, columns: 5, rootColumns: 10, outputs: 3, coupling: 2, noise: 0 },
  cadence: { kind: "poisson", every: 4 },
  training: { hidden: [16], steps: 300, rows: 2000, growth: 0, heldOut: 1000, duration: 0.25, staleness: 0 },
  deployment: { delay: 0.1, coordination: 0 },
  drift: { inputs: 0, truth: 0 },
  events: { upgrade: 0, downgrade: 0, badRelease: 0, outage: 0, outageTicks: 1, scripted: [] },
  gate: { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" },
  policies: ["async", "async-rejecting", "proximal", "causal"],
  seeds: [1],
  ticks: 52,
};
