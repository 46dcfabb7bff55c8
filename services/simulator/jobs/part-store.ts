import { UncoupleError } from "../../common/errors.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { PartPlace } from "./part-place.ts";
import type { Part } from "./part-runner.ts";

/** What the runs in a store are runs of. */
export interface StoredSimulation {
  /** The version of Uncouple: another one can give other runs. */
  readonly version: string;
  readonly scenario: Scenario;
  /** How many shards divide it; absent: one process simulates all of it. */
  readonly shards?: number;
}

/** Keeps finished parts of one simulation, so that an interrupted one resumes and shards can be merged. */
export interface PartStore {
  /** @returns undefined unless it was saved intact @throws UncoupleError if the place cannot be read */
  load(part: Part): Promise<PolicyRun | undefined>;
  /** @throws UncoupleError if the place cannot be written */
  save(run: PolicyRun): Promise<void>;
}

/** How many parts are loaded at a time. */
export const PARTS_AT_ONCE = 8;
/** The text that says what the parts of a place are parts of. */
export const SIMULATION = "simulation.json";

/**
 * Opens the store in a place, with a text for each part.
 *
 * @throws UncoupleError `failed-precondition` if it has parts of another simulation, or if it is divided into other shards;
 *   if the place cannot be used
 */
export async function openPartStore(place: PartPlace, simulation: StoredSimulation): Promise<PartStore> {
  const text = `${JSON.stringify(simulation)}\n`;
  let kept = await place.read(SIMULATION);
  if (kept.length === 0) {
    await place.write(SIMULATION, text);
    // Another process may have begun another simulation at the same time.
    kept = await place.read(SIMULATION);
  }
  const other = kept.find((one) => one !== text);
  if (other === undefined) return storeIn(place);
  throw new UncoupleError(
    "failed-precondition",
    `${place.path} has unfinished parts of ${differenceOf(simulation, parsed(other))}; remove it to start again, or choose another ${place.kind} with --out`,
  );
}

function differenceOf(simulation: StoredSimulation, other: StoredSimulation | undefined): string {
  const { version, shards } = simulation;
  if (other !== undefined && other.version !== version) return `version ${other.version}, not ${version}`;
  if (JSON.stringify(other?.scenario) !== JSON.stringify(simulation.scenario)) return "another scenario";
  return `a simulation in ${other?.shards ?? "no"} shards, not ${shards ?? "none"}`;
}

/**
 * The simulation in a place, and its store.
 *
 * @throws UncoupleError `not-found`; `data-loss` if what it is a simulation of is damaged; `failed-precondition` if two
 *   processes began different ones; if the place cannot be read
 */
export async function readPartStore(place: PartPlace): Promise<StoredSimulation & { readonly store: PartStore }> {
  const [text, ...others] = await place.read(SIMULATION);
  if (text === undefined) {
    throw new UncoupleError(
      "not-found",
      `${place.path} has no parts of a simulation; run uncouple simulate --shard first`,
    );
  }
  if (others.some((other) => other !== text)) {
    throw new UncoupleError("failed-precondition", `${place.path} has parts of several simulations; remove it`);
  }
  const simulation = parsed(text);
  if (simulation === undefined) throw new UncoupleError("data-loss", `${SIMULATION} in ${place.path} is damaged`);
  return { ...simulation, store: storeIn(place) };
}

function storeIn(place: PartPlace): PartStore {
  return {
    async load(part) {
      // All intact ones are the same. One that is damaged is simulated again.
      for (const text of await place.read(nameOf(part))) {
        try {
          return JSON.parse(text) as PolicyRun;
        } catch {}
      }
      return undefined;
    },
    save: (run) => place.write(nameOf(run), `${JSON.stringify(run)}\n`),
  };
}

/** A colon is not for the names of files everywhere. */
function nameOf({ seed, policy }: Part): string {
  return `${seed}-${policy.replace(":", "-")}.json`;
}

function parsed(text: string): StoredSimulation | undefined {
  try {
    return JSON.parse(text) as StoredSimulation;
  } catch {
    return undefined;
  }
}
