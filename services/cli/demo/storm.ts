import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { createRandom } from "../../data/random/random.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { readStackFiles } from "../connect/configuration.ts";
import type { NatsFound } from "../stack/nats.ts";
import { memoryPlatform, type Platform, processPlatform } from "./platform.ts";
import { clearDemo } from "./run-demo.ts";
import { type StormEvent, startStormyWorkers } from "./stormy-workers.ts";

export interface StormOptions {
  /** Absolute path of the folder for the services' data, in `stack`. */
  readonly out: string;
  readonly workers: number;
  /** Of the faults. */
  readonly seed: number;
  /** If undefined, the services run in this process, over the memory backplane; workers are processes all the same. */
  readonly nats: NatsFound | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEvent: (line: string) => void;
  readonly onReady: (platform: Platform, seconds: number) => void;
  readonly listener: {
    chapter(title: string): void;
    /** Called whenever a run changes. */
    run(run: Run): void;
    fault(event: StormEvent): void;
  };
}

/** One component's snapshots. */
export interface StormOutcome {
  readonly component: string;
  readonly undisturbed: { readonly snapshot: string; readonly digest: string };
  readonly storm: { readonly snapshot: string; readonly digest: string };
  readonly equal: boolean;
}

export interface StormResults {
  readonly workers: number;
  readonly seed: number;
  readonly kills: number;
  readonly stops: number;
  /** Units of M1 in the storm, by their fate. */
  readonly units: Readonly<Record<string, number>>;
  readonly outcomes: readonly StormOutcome[];
  readonly seconds: number;
}

/** M1's training: 80 units of some 0.1 s. */
const M1 = `component: m1
model: { hidden: [64, 64] }
batch: 256
steps: 20000
workers: { slots: 4, sync_every: 1000, audit: 0.05 }
`;
/** How far into the storm M2 begins. */
const M2_AFTER_MS = 2_000;

/**
 * Trains M1 and M2 undisturbed, M1 by the trainer alone. Then trains both again, M1 with workers that are killed and stopped
 * at random, and compares the bits of the snapshots.
 *
 * @throws UncoupleError as `startStack`; the failure of a run; `cancelled`
 */
export async function runStorm(options: StormOptions): Promise<StormResults> {
  const { out, workers, seed, nats, env, clock, signal, listener } = options;
  const began = clock.elapsed();
  const dir = join(out, "stack");
  await clearDemo(dir, clock);
  const examples = join(packageInfo().root, "examples", "paper");
  await writeFile(join(dir, "m1.yaml"), M1);
  const files = await readStackFiles(
    [await pipelineFile(examples, dir, options), join(dir, "m1.yaml"), join(examples, "m2-async.yaml")],
    dir,
  );
  const platformOptions = { files, dir, env, clock, signal, onEvent: options.onEvent };
  const platform =
    nats === undefined ? await memoryPlatform(platformOptions) : await processPlatform(platformOptions, nats);
  const train = (component: string) => trained(platform, component, signal, listener.run);
  try {
    options.onReady(platform, secondsSince(clock, began));
    listener.chapter("Undisturbed: M1's trainer runs all units itself, then M2 trains on its snapshot");
    const calm = [await train("m1"), await train("m2")];

    listener.chapter(`Storm: ${workers} workers run M1's units while they are killed and stopped; M2 trains beside it`);
    const { metrics, grpc } = platform.addresses.m1 ?? { metrics: "", grpc: "" };
    const before = await unitFates(metrics);
    const storm = await startStormyWorkers({
      trainer: grpc,
      count: workers,
      random: createRandom(seed, "storm"),
      logs: join(dir, "logs"),
      env,
      clock,
      onEvent: listener.fault,
    });
    try {
      const again = await Promise.all([train("m1"), clock.sleep(M2_AFTER_MS, signal).then(() => train("m2"))]);
      const after = await unitFates(metrics);
      return {
        workers,
        seed,
        kills: storm.kills(),
        stops: storm.stops(),
        units: Object.fromEntries(Object.entries(after).map(([fate, count]) => [fate, count - (before[fate] ?? 0)])),
        outcomes: calm.map((undisturbed, index) => outcomeOf(undisturbed, again[index] as SnapshotManifest)),
        seconds: secondsSince(clock, began),
      };
    } finally {
      await storm.stop();
    }
  } finally {
    await platform.close();
  }
}

/** The example's pipeline; on a shared server under a name of its own. */
async function pipelineFile(examples: string, dir: string, { nats, clock }: StormOptions): Promise<string> {
  const file = join(examples, "pipeline.yaml");
  if (nats === undefined || !("url" in nats)) return file;
  const own = join(dir, "pipeline.yaml");
  const name = `storm-${clock.now().toString(36)}`;
  await writeFile(own, (await readFile(file, "utf8")).replace(/^pipeline: .*$/m, `pipeline: ${name}`));
  return own;
}

/** Trains a component. @returns its snapshot's manifest */
async function trained(
  platform: Platform,
  component: string,
  signal: AbortSignal,
  onRun: (run: Run) => void,
): Promise<SnapshotManifest> {
  const trainer = platform.trainer(component);
  let last = await trainer.startRun({});
  for await (const run of trainer.watchRun(last.id, signal)) {
    last = run;
    onRun(run);
  }
  signal.throwIfAborted();
  if (hasEnded(last) && last.snapshot !== null) return platform.backplane.registry.manifest(component, last.snapshot);
  throw new UncoupleError(
    last.error?.code ?? "internal",
    `the run of ${component} ${last.state}: ${last.error?.message ?? "no reason"}`,
  );
}

function outcomeOf(undisturbed: SnapshotManifest, storm: SnapshotManifest): StormOutcome {
  return {
    component: undisturbed.component,
    undisturbed: { snapshot: snapshotName(undisturbed), digest: undisturbed.digest },
    storm: { snapshot: snapshotName(storm), digest: storm.digest },
    equal: undisturbed.digest === storm.digest,
  };
}

/** Units by their fate, from a trainer's metrics. */
async function unitFates(url: string): Promise<Record<string, number>> {
  const fates: Record<string, number> = {};
  const text = await (await fetch(url)).text();
  for (const [, fate = "", count] of text.matchAll(/^uncouple_worker_units_total\{[^}]*fate="(\w+)"[^}]*\} (\d+)/gm)) {
    fates[fate] = Number(count);
  }
  return fates;
}
