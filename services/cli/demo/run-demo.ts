import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { readStackFiles, type StackFiles } from "../connect/configuration.ts";
import { clearStackFolder } from "../stack/clear-stack-folder.ts";
import type { NatsFound } from "../stack/nats.ts";
import type { ActListener } from "./act.ts";
import { demoReport } from "./demo-report.ts";
import { type GatedResults, gatedResults } from "./gated-results.ts";
import { type GateListener, tellGatedStory } from "./gated-story.ts";
import { oracleLoss } from "./oracle-loss.ts";
import { memoryPlatform, type Platform, processPlatform } from "./platform.ts";
import { type DemoResults, demoResults, resultsJson } from "./results.ts";
import { tellStory } from "./story.ts";

const EXAMPLES = join(packageInfo().root, "examples", "paper");

export interface DemoOptions {
  /** Absolute path of the folder for results.json, report.html and, in `stack` and `stack-gated`, the services' data. */
  readonly out: string;
  /** Seed of the data; the example's if omitted. */
  readonly seed?: number;
  /** If undefined, everything runs in this process, over the memory backplane. */
  readonly nats: NatsFound | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly listener: ActListener;
  readonly gateListener: GateListener;
  readonly onEvent: (line: string) => void;
  /** Called when the services of an act are ready. */
  readonly onReady: (platform: Platform, seconds: number) => void;
}

export interface DemoFiles {
  readonly results: DemoResults;
  readonly reportFile: string;
  readonly resultsFile: string;
}

/**
 * Runs the services and both acts, and writes results and report.
 * @throws UncoupleError as `startStack` and `perform`; `conflict` if a demo is already running in the folder
 */
export async function runDemo(options: DemoOptions): Promise<DemoFiles> {
  const { out, clock } = options;
  const began = clock.elapsed();
  const [dir, gatedDir] = [join(out, "stack"), join(out, "stack-gated")];
  await clearDemo(dir, clock);
  await clearDemo(gatedDir, clock);
  const first = await firstAct(options, dir);
  const gated = await gatedAct(options, gatedDir);
  const results = demoResults(first.record, {
    ...first.metadata,
    gated,
    seconds: secondsSince(clock, began),
    codeVersion: packageInfo().version,
  });
  const resultsFile = join(out, "results.json");
  const reportFile = join(out, "report.html");
  await writeWhole(resultsFile, resultsFile, `${JSON.stringify(resultsJson(results), null, 2)}\n`, true);
  await writeWhole(reportFile, reportFile, await demoReport(results), true);
  return { results, reportFile, resultsFile };
}

async function firstAct(options: DemoOptions, dir: string) {
  const files = await demoStack(options, dir, ["pipeline.yaml", "m1-initial.yaml", "m2-async.yaml"]);
  const { pipeline, path } = files.pipeline;
  const story = await teamFiles({
    initial: "m1-initial.yaml",
    incremental: "m1-incremental.yaml",
    consistent: "m1-consistent.yaml",
    async: "m2-async.yaml",
    proximal: "m2-proximal.yaml",
    causal: "m2-causal.yaml",
  });
  return withPlatform(options, dir, files, async (platform) => {
    const record = await tellStory(platform, story, options);
    const initial = record.runs.find(({ role }) => role === "initial");
    if (initial === undefined) throw new UncoupleError("internal", "the story has no initial run");
    const bytes = await platform.backplane.registry.bytes(initial.manifest, options.signal);
    const metadata = {
      pipeline: pipeline.name,
      seed: pipeline.data.source === "synthetic" ? pipeline.data.seed : 0,
      backplane: platform.kind,
      oracleLoss: await oracleLoss(pipeline, path, bytes),
    };
    return { record, metadata };
  });
}

async function gatedAct(options: DemoOptions, dir: string): Promise<GatedResults> {
  const files = await demoStack(options, dir, ["gated.yaml", "m1-initial.yaml", "m2-cotrain.yaml"]);
  const { name, gate } = files.pipeline.pipeline;
  if (gate === undefined) throw new UncoupleError("internal", "the example has no gate");
  const story = await teamFiles({
    initial: "m1-initial.yaml",
    async: "m2-cotrain.yaml",
    consistent: "m1-consistent.yaml",
    causal: "m2-causal.yaml",
  });
  options.gateListener.chapter(
    `The same teams again, in the pipeline ${name}: with a gate that decides what is released`,
  );
  const record = await withPlatform(options, dir, files, (platform) =>
    tellGatedStory(platform, story, { ...options, listener: options.gateListener }),
  );
  return gatedResults(record, name, gate);
}

/** Runs an act on services of its own. */
async function withPlatform<T>(
  options: DemoOptions,
  dir: string,
  files: StackFiles,
  act: (platform: Platform) => Promise<T>,
): Promise<T> {
  const { nats, clock } = options;
  const began = clock.elapsed();
  const platformOptions = { ...options, files, dir };
  const platform =
    nats === undefined ? await memoryPlatform(platformOptions) : await processPlatform(platformOptions, nats);
  try {
    options.onReady(platform, secondsSince(clock, began));
    return await act(platform);
  } finally {
    await platform.close();
  }
}

/** Removes what an earlier demo left. @throws UncoupleError as `clearStackFolder` */
export function clearDemo(dir: string, clock: Clock): Promise<void> {
  return clearStackFolder(dir, { what: "a demo", own: ["pipeline.yaml", "m1.yaml"] }, clock);
}

/** Reads team files of the example. */
async function teamFiles<Role extends string>(names: Readonly<Record<Role, string>>): Promise<Record<Role, string>> {
  const roles = Object.entries<string>(names);
  const texts = roles.map(async ([role, name]) => [role, await readFile(join(EXAMPLES, name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(texts)) as Record<Role, string>;
}

/** A pipeline of the example with the demo's changes applied, and one team file per trainer. */
async function demoStack(
  { seed, nats, clock }: DemoOptions,
  dir: string,
  [pipeline, ...teams]: readonly [string, ...string[]],
): Promise<StackFiles> {
  let pipelineFile = join(EXAMPLES, pipeline);
  // On a shared server, the snapshots of earlier demos would become part of the story.
  const isShared = nats !== undefined && "url" in nats;
  if (seed !== undefined || isShared) {
    const document = parseDocument(await readFile(pipelineFile, "utf8"));
    if (seed !== undefined) document.setIn(["data", "seed"], seed);
    if (isShared) document.setIn(["pipeline"], `demo-${clock.now().toString(36)}`);
    pipelineFile = join(dir, "pipeline.yaml");
    await writeFile(pipelineFile, String(document));
  }
  return readStackFiles([pipelineFile, ...teams.map((name) => join(EXAMPLES, name))], dir);
}
