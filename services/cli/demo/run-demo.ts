import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { readStackFiles, type StackFiles } from "../connect/configuration.ts";
import type { NatsFound } from "../stack/nats.ts";
import { lockStack } from "../stack/stack-lock.ts";
import { demoReport } from "./demo-report.ts";
import { oracleLoss } from "./oracle-loss.ts";
import { memoryPlatform, type Platform, processPlatform } from "./platform.ts";
import { type DemoResults, demoResults, resultsJson } from "./results.ts";
import { type StoryFiles, type StoryListener, tellStory } from "./story.ts";

export interface DemoOptions {
  /** Absolute path of the folder for results.json, report.html and, in `stack`, the services' data. */
  readonly out: string;
  /** Seed of the data; the example's if omitted. */
  readonly seed?: number;
  /** If undefined, everything runs in this process, over the memory backplane. */
  readonly nats: NatsFound | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly listener: StoryListener;
  readonly onEvent: (line: string) => void;
  /** Called when the services are ready. */
  readonly onReady: (platform: Platform, seconds: number) => void;
}

export interface DemoFiles {
  readonly results: DemoResults;
  readonly reportFile: string;
  readonly resultsFile: string;
}

/**
 * Runs the services and the story, and writes results and report.
 * @throws UncoupleError as `startStack` and `tellStory`; `conflict` if a demo is already running in the folder
 */
export async function runDemo(options: DemoOptions): Promise<DemoFiles> {
  const { out, nats, clock } = options;
  const began = clock.elapsed();
  const examples = join(packageInfo().root, "examples", "paper");
  const dir = join(out, "stack");
  await clearDemo(dir, clock);
  const story = await storyFiles(examples);
  const changes: [readonly string[], string | number][] = [];
  if (options.seed !== undefined) changes.push([["data", "seed"], options.seed]);
  // On a shared server, the snapshots of earlier demos would become part of the story.
  if (nats !== undefined && "url" in nats) changes.push([["pipeline"], `demo-${clock.now().toString(36)}`]);
  const files = await demoStack(examples, dir, changes);
  const { pipeline } = files.pipeline;
  const platformOptions = { ...options, files, dir };
  const platform =
    nats === undefined ? await memoryPlatform(platformOptions) : await processPlatform(platformOptions, nats);
  try {
    options.onReady(platform, secondsSince(clock, began));
    const record = await tellStory(platform, story, options);
    const initial = record.runs.find(({ role }) => role === "initial");
    if (initial === undefined) throw new UncoupleError("internal", "the story has no initial run");
    const bytes = await platform.backplane.registry.bytes(initial.manifest, options.signal);
    const results = demoResults(record, {
      pipeline: pipeline.name,
      seed: pipeline.data.source === "synthetic" ? pipeline.data.seed : 0,
      backplane: platform.kind,
      oracleLoss: await oracleLoss(pipeline, files.pipeline.path, bytes),
      seconds: secondsSince(clock, began),
      codeVersion: packageInfo().version,
    });
    const resultsFile = join(out, "results.json");
    const reportFile = join(out, "report.html");
    await writeWhole(resultsFile, resultsFile, `${JSON.stringify(resultsJson(results), null, 2)}\n`, true);
    await writeWhole(reportFile, reportFile, await demoReport(results), true);
    return { results, reportFile, resultsFile };
  } finally {
    await platform.close();
  }
}

/** Names that a demo leaves in its folder. */
const LEFTOVERS = /^(nats|state|logs|pipeline\.yaml|m1\.yaml|stack\.json.*|lock\.\d+|locking-.*)$/;

/**
 * Removes what an earlier demo left, which this one would otherwise train on.
 * @throws UncoupleError `conflict` if a demo is running in the folder, or it contains other files
 */
export async function clearDemo(dir: string, clock: Clock): Promise<void> {
  await makeFolder(dir);
  try {
    const entries = await readdir(dir);
    const foreign = entries.find((name) => !LEFTOVERS.test(name));
    if (foreign !== undefined) {
      throw new UncoupleError("conflict", `${dir} is not a demo folder: it contains ${foreign}; use a different --out`);
    }
    const lock = await lockStack(dir, clock).catch((cause: unknown) => {
      if (!(cause instanceof UncoupleError && cause.code === "conflict")) throw cause;
      throw new UncoupleError(
        "conflict",
        `a demo is already running in ${dir}; wait for it, or use a different --out`,
        { cause },
      );
    });
    for (const name of entries) {
      if (!name.startsWith("lock")) await rm(join(dir, name), { recursive: true, force: true });
    }
    await lock.release();
  } catch (cause) {
    if (cause instanceof UncoupleError) throw cause;
    throw new UncoupleError(fileErrorCode(cause), `${dir} cannot be emptied: ${fileTrouble(cause)}`, { cause });
  }
}

async function storyFiles(examples: string): Promise<StoryFiles> {
  const text = (name: string) => readFile(join(examples, name), "utf8");
  return {
    initial: await text("m1-initial.yaml"),
    incremental: await text("m1-incremental.yaml"),
    consistent: await text("m1-consistent.yaml"),
    async: await text("m2-async.yaml"),
    proximal: await text("m2-proximal.yaml"),
    causal: await text("m2-causal.yaml"),
  };
}

/** The example's pipeline with `changes` applied, and one team file per trainer. */
async function demoStack(
  examples: string,
  dir: string,
  changes: readonly [path: readonly string[], value: string | number][],
): Promise<StackFiles> {
  let pipelineFile = join(examples, "pipeline.yaml");
  if (changes.length > 0) {
    const document = parseDocument(await readFile(pipelineFile, "utf8"));
    for (const [path, value] of changes) document.setIn(path, value);
    pipelineFile = join(dir, "pipeline.yaml");
    await writeFile(pipelineFile, String(document));
  }
  return readStackFiles([pipelineFile, join(examples, "m1-initial.yaml"), join(examples, "m2-async.yaml")], dir);
}
