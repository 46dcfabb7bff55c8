import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { UpdateDiagnosis } from "../../learning/diagnosis/diagnose-update.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { readStackFiles } from "../connect/configuration.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { findPipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { dataAccess } from "../flags/data-flags.ts";
import {
  type InferenceFlags,
  inferenceHosts,
  inferenceSettings,
  withInferenceFlags,
} from "../flags/inference-flags.ts";
import { parseCount, parseReference, parseSerial, type SnapshotReference } from "../flags/reference.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";
import { diagnosisText } from "../text/diagnosis-text.ts";

interface Flags extends ConnectionFlags, InferenceFlags {
  readonly against?: number;
  readonly downstream?: string;
  readonly team?: string;
  readonly pipelineFile?: string;
  readonly seeds?: number;
  readonly workers?: number;
  readonly json?: true;
}

export function diagnoseCommand(context: CliContext): Command {
  const command = withPeers(
    new Command("diagnose")
      .summary("explain how an update changed the pipeline, with the downstream retrained")
      .description(
        "Retrains the downstream on the old and the new snapshot of a component and splits the change in its loss (Wu et al. 2021) into upstream error (the information in the output), downstream approximation error (the limits of the model class) and downstream estimation error (the limits of data and training), each with a 95 % interval. Says of an update that degrades the pipeline with the downstream as it is whether retraining repairs it: coupled, or self-defeating after retraining. Trains several models; Ctrl-C cancels.",
      )
      .argument("<component@serial>", "the update, for example m1@3", parseReference)
      .option(
        "--against <serial>",
        "the older snapshot (default: the one that the verdict compares it with)",
        parseSerial,
      )
      .option(
        "--downstream <component>",
        "component whose loss to explain (default: the pipeline's objective, if it is one that reads from the component)",
      )
      .option("--team <file>", "team file of the downstream, for its model and training (default: 64 hidden units)")
      .option("--pipeline-file <file>", "the pipeline file (default: the one in the stack file)")
      .option("--seeds <n>", "trainings of each model, at least 3 (default: 3)", parseCount)
      .option("--workers <n>", "train in this many processes of their own (default: in this one)", parseCount)
      .option("--json", "print JSON"),
    "registry",
  );
  return withInferenceFlags(command)
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple diagnose m1@3\n  uncouple diagnose m1@3 --against 1 --team m2.yaml\n",
    )
    .action(async (reference: SnapshotReference, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const backplane = await connections.backplane(reference.component);
        const update = await backplane.registry.manifest(reference.component, reference.serial);
        const verdict = await backplane.verdicts.get(update.component, update.serial);
        const found = verdict?.comparison?.current ?? {};
        const against = flags.against ?? comparedWith(found, update);
        const diagnosis = await diagnose(context, flags, backplane, { update, against, found });
        const result = { snapshot: snapshotName(update), against: `${update.component}@${against}`, ...diagnosis };
        output.result(result, (style) => diagnosisText(result, style));
      });
    });
}

/** The snapshot that the evaluator compared the update with, else its parent. */
function comparedWith(found: Composition, update: SnapshotManifest): number {
  const serial = found[update.component] ?? update.parent;
  if (serial !== null) return serial;
  throw new UncoupleError(
    "failed-precondition",
    `${snapshotName(update)} is the first snapshot of ${update.component}, so it has no predecessor to compare it with`,
  );
}

interface Question {
  readonly update: SnapshotManifest;
  readonly against: number;
  /** The composition in use at the update's verdict; empty without a verdict on the pipeline loss. */
  readonly found: Composition;
}

async function diagnose(
  context: CliContext,
  flags: Flags,
  backplane: Backplane,
  { update, against, found }: Question,
): Promise<UpdateDiagnosis> {
  const files = await readStackFiles(
    [await findPipelineFile(context, flags), ...(flags.team === undefined ? [] : [flags.team])],
    context.cwd,
    dataAccess(context),
  );
  const { pipeline, path } = files.pipeline;
  // Loaded lazily: tfjs, ONNX Runtime and DuckDB load slowly, and other subcommands do not need them.
  const [{ diagnosedDownstream, diagnoseUpdate }, { openBothSides }, { createEngine }] = await Promise.all([
    import("../../learning/diagnosis/diagnose-update.ts"),
    import("../../data/open-both-sides.ts"),
    import("../../engine/create-engine.ts"),
  ]);
  const { createIsolatingBackend } = await import("../../learning/isolation/isolating-backend.ts");
  const [{ createInference, DEFAULT_INFERENCE }, { createLoadModel }, { resolveSnapshotsOnce }] = await Promise.all([
    import("../../inference/client/create-inference.ts"),
    import("../../composition/load-upstream.ts"),
    import("../../composition/resolve-snapshots.ts"),
  ]);
  const downstream = diagnosedDownstream(pipeline, update.component, flags.downstream).name;
  const team = files.teams[0]?.team;
  if (team !== undefined && team.component !== downstream) {
    throw new UncoupleError(
      "invalid-argument",
      `${flags.team} is the team file of ${team.component}, but the downstream is ${downstream}`,
    );
  }
  const source = await openBothSides(files.pipeline, path, dataAccess(context), downstream);
  const workers =
    flags.workers === undefined ? undefined : await ownWorkers(context, flags.workers, pipeline.name, downstream);
  const inference = createInference(
    { ...DEFAULT_INFERENCE, ...inferenceSettings(flags) },
    { connector: await inferenceHosts(context, flags), clock: context.clock },
  );
  const progress = await createCountProgress(context.stderr, "training runs");
  try {
    const schema = await source.schema();
    const split = (await backplane.generations.current())?.split ?? pipeline.gate?.split;
    const load = createLoadModel(pipeline, backplane.registry, inference);
    const upstream = await resolveSnapshotsOnce(backplane, pipeline, downstream, {
      clock: context.clock,
      signal: context.interrupted,
    });
    const before = Object.fromEntries(
      await Promise.all(
        Object.entries({ ...upstream, [update.component]: against }).map(
          async ([name, serial]) => [name, await load(name, serial, schema)] as const,
        ),
      ),
    );
    const inUse = await unlessDeleted(found[downstream], (serial) => load(downstream, serial, schema));
    return await diagnoseUpdate({
      pipeline,
      source,
      component: update.component,
      downstream,
      before,
      after: await load(update.component, update.serial, schema),
      ...(inUse !== undefined && { inUse }),
      ...(split !== undefined && { split }),
      ...(flags.seeds !== undefined && { seeds: flags.seeds }),
      ...(team !== undefined && { team }),
      training: createIsolatingBackend(process, { clock: context.clock }),
      ...(workers !== undefined && { units: workers.units, parallel: 2 * (flags.workers ?? 1) }),
      engine: await createEngine(team?.engine ?? "auto", { clock: context.clock, log: () => {} }),
      signal: context.interrupted,
      onProgress: progress.update,
      onOutput: (line) => context.stderr.write(`model module: ${line}\n`),
    });
  } finally {
    progress.stop();
    await workers?.stop();
    await inference.close();
    await source.close();
  }
}

/** Retention may have removed what was in use at an old verdict: the diagnosis does without it. */
async function unlessDeleted<M>(serial: number | undefined, load: (serial: number) => Promise<M>) {
  if (serial === undefined) return undefined;
  try {
    return await load(serial);
  } catch (thrown) {
    if (thrown instanceof UncoupleError && thrown.code === "not-found") return undefined;
    throw thrown;
  }
}

async function ownWorkers(context: CliContext, count: number, pipeline: string, component: string) {
  const { startOwnWorkers } = await import("../stack/own-workers.ts");
  const { env, clock, interrupted } = context;
  return startOwnWorkers({ count, pipeline, component, env, clock, signal: interrupted });
}
