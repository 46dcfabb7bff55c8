import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import { collect } from "../../registry/logged.ts";
import { readPages } from "../../rpc/services/pages.ts";
import { type ConnectionFlags, DEFAULT_DIR, withConnections } from "../connect/connections.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import { readStack } from "../connect/stack-file.ts";
import { type CliContext, setting } from "../context/context.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import type { Output } from "../terminal/output.ts";

export interface CalibrateFlags extends ConnectionFlags {
  readonly out?: string;
}

const FILE = "scenario.yaml";

/** Writes a scenario file that resembles the organization whose verdicts an evaluator has. */
export async function calibrate(context: CliContext, flags: CalibrateFlags, output: Output): Promise<void> {
  const pipeline = await requirePipelineFile(context, flags.pipeline ?? (await stackPipeline(context, flags)));
  const verdicts = await withConnections(context, flags, async (connections) =>
    collect<Verdict>(readPages((await connections.evaluator()).listVerdicts)),
  );
  const [{ calibrateScenario }, { createEngine }] = await Promise.all([
    import("../../simulator/calibrate/calibrate-scenario.ts"),
    import("../../engine/create-engine.ts"),
  ]);
  const progress = await createCountProgress(context.stderr, "trials", context.clock);
  try {
    const engine = await createEngine("wasm", { clock: context.clock, log: () => {} });
    const calibrated = await calibrateScenario(pipeline, verdicts, {
      engine,
      signal: context.interrupted,
      onProgress: (done, total) => progress.update(done, total),
    });
    progress.stop();
    const name = flags.out ?? FILE;
    await writeWhole(resolve(context.cwd, name), name, calibrated.text, true);
    output.result({ file: name, ...calibrated.figures }, () => `Scenario: ${name}`);
  } finally {
    progress.stop();
  }
}

async function stackPipeline(context: CliContext, flags: CalibrateFlags): Promise<string> {
  const dir = resolve(context.cwd, flags.dir ?? setting(context.env, "UNCOUPLE_DIR") ?? DEFAULT_DIR);
  const stack = await readStack(dir);
  if (stack !== undefined) return stack.pipelineFile;
  throw new UncoupleError("invalid-argument", "no stack found; use --pipeline FILE with --calibrate");
}
