import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { Part } from "./part-runner.ts";

/** What the runs in a store are runs of. */
export interface StoredSimulation {
  /** The version of Uncouple: another one can give other runs. */
  readonly version: string;
  readonly scenario: Scenario;
}

/** Keeps finished parts of one simulation, so that an interrupted one resumes and shards can be merged. */
export interface PartStore {
  /** @returns undefined unless it was saved intact */
  load(part: Part): Promise<PolicyRun | undefined>;
  save(run: PolicyRun): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
}

/** The folder of a simulation's parts, in its folder of results. */
const PARTS = "parts";
const SIMULATION = "simulation.json";

/**
 * Opens the store in a folder of results, with a file for each part. Several processes may use one folder at the same time.
 *
 * @param folder created if it is missing
 * @throws UncoupleError `failed-precondition` if it has parts of another simulation, `invalid-argument` if it cannot be
 *   used, `resource-exhausted` if the disk is full; the latter two also on saving
 */
export async function openPartStore(folder: string, simulation: StoredSimulation): Promise<PartStore> {
  const parts = join(folder, PARTS);
  const text = `${JSON.stringify(simulation)}\n`;
  const kept = await readText(join(parts, SIMULATION));
  if (kept === undefined) {
    await makeFolder(parts);
    await write(join(parts, SIMULATION), text);
  } else if (kept !== text) {
    const { version } = simulation;
    const other = parsed(kept)?.version;
    const what = other === undefined || other === version ? "another scenario" : `version ${other}, not ${version}`;
    throw new UncoupleError(
      "failed-precondition",
      `${parts} has unfinished parts of ${what}; remove it to start again, or choose another folder with --out`,
    );
  }
  return storeIn(parts);
}

/** The simulation in a folder of results, and its store. @throws UncoupleError `not-found`, `data-loss` */
export async function readPartStore(folder: string): Promise<StoredSimulation & { readonly store: PartStore }> {
  const parts = join(folder, PARTS);
  const text = await readText(join(parts, SIMULATION));
  if (text === undefined) {
    throw new UncoupleError("not-found", `${folder} has no parts of a simulation; run uncouple simulate --shard first`);
  }
  const simulation = parsed(text);
  if (simulation === undefined) throw new UncoupleError("data-loss", `${join(parts, SIMULATION)} is damaged`);
  return { ...simulation, store: storeIn(parts) };
}

function storeIn(parts: string): PartStore {
  return {
    async load({ seed, policy }) {
      try {
        return JSON.parse(await readFile(join(parts, fileOf({ seed, policy })), "utf8")) as PolicyRun;
      } catch {
        // Missing or damaged: it is simulated again.
        return undefined;
      }
    },
    async save(run) {
      await write(join(parts, fileOf(run)), `${JSON.stringify(run)}\n`);
    },
    async clear() {
      // The parts first: while any is left, it is known what it is a part of.
      for (const name of await readdir(parts)) {
        if (name !== SIMULATION) await rm(join(parts, name), { force: true });
      }
      await rm(parts, { recursive: true, force: true });
    },
  };
}

/** A colon is not for the names of files everywhere. */
function fileOf({ seed, policy }: Part): string {
  return `${seed}-${policy.replace(":", "-")}.json`;
}

function write(path: string, text: string): Promise<void> {
  return writeWhole(path, path, text, true);
}

/** @returns the text of a file; undefined if it does not exist */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw new UncoupleError("invalid-argument", `cannot read ${path}: ${fileTrouble(cause)}`, { cause });
  }
}

function parsed(text: string): StoredSimulation | undefined {
  try {
    return JSON.parse(text) as StoredSimulation;
  } catch {
    return undefined;
  }
}
