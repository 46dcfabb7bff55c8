import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { fileTrouble } from "../../common/files/file-trouble.ts";
import type { Inference } from "../../inference/inference.ts";
import type { TrialSubject } from "../../inference/offline/declared-subjects.ts";
import type { ModelReport } from "../../inference/offline/report-model.ts";
import { DEFAULT_MAX_MODEL_BYTES } from "../../registry/registry.ts";
import { outcomeCodes, outcomeHelp } from "../../runtime/exit-codes.ts";
import { readTrialSubject } from "../connect/trial-subject.ts";
import type { CliContext } from "../context/context.ts";
import {
  type InferenceFlags,
  inferenceHosts,
  inferenceSettings,
  withInferenceFlags,
} from "../flags/inference-flags.ts";
import { createOutput } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { plain, type Style } from "../terminal/style.ts";

interface Flags extends InferenceFlags {
  readonly pipelineFile?: string;
  readonly component?: string;
  readonly json?: true;
}

/** As `--json` prints it. */
interface InspectedFile extends ModelReport {
  readonly file: string;
  readonly milliseconds: number;
}

export function inspectCommand(context: CliContext): Command {
  return withInferenceFlags(
    new Command("inspect")
      .summary("check ONNX models as an evaluator does, before they are published")
      .description(
        "Inspects ONNX models, loads them in a process with limited memory, and makes an evaluator's trial calls: a model must be deterministic and predict each row by itself. Needs no services. With --pipeline-file and --component, also checks the model's inputs and output, on training rows of the component's columns and made-up outputs of its upstream; without them, rows are made up from the inputs that the model declares.",
      )
      .argument("<models...>", "ONNX files")
      .option("--pipeline-file <file>", "the pipeline file whose component the models are for; requires --component")
      .option("--component <name>", "the component; requires --pipeline-file")
      .option(
        "--json",
        "print JSON, one line per model: { file, accepted, reason, detail, inputs, outputs, operators, milliseconds }",
      ),
  )
    .addHelpText(
      "after",
      `${outcomeHelp("refused")}\nExamples:\n  uncouple inspect model.onnx\n  uncouple inspect m1.onnx --pipeline-file pipeline.yaml --component m1 --json\n`,
    )
    .action(async (files: string[], flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const subject = await subjectOf(context, flags);
      const { createInference, DEFAULT_INFERENCE } = await import("../../inference/client/create-inference.ts");
      const inference = createInference(
        { ...DEFAULT_INFERENCE, ...inferenceSettings(flags) },
        { connector: await inferenceHosts(context, flags), clock: context.clock },
      );
      let refused = false;
      try {
        for (const file of files) {
          const report = await inspectFile(context, file, inference, subject);
          refused ||= !report.accepted;
          output.item(report, (style) => reportText(report, style));
        }
      } finally {
        await inference.close();
      }
      if (refused) throw new Finished(outcomeCodes.refused);
    });
}

async function subjectOf(context: CliContext, flags: Flags): Promise<TrialSubject | undefined> {
  const { pipelineFile, component } = flags;
  if (pipelineFile === undefined && component === undefined) return undefined;
  if (pipelineFile === undefined || component === undefined) {
    const missing = pipelineFile === undefined ? "--pipeline-file" : "--component";
    throw new UncoupleError("invalid-argument", `--pipeline-file and --component belong together; add ${missing}`);
  }
  return readTrialSubject(context, pipelineFile, component);
}

async function inspectFile(
  context: CliContext,
  file: string,
  inference: Inference,
  subject: TrialSubject | undefined,
): Promise<InspectedFile> {
  const { reportModel } = await import("../../inference/offline/report-model.ts");
  const started = context.clock.elapsed();
  const model = await readModel(resolve(context.cwd, file), file);
  const report =
    typeof model === "number"
      ? oversized(model)
      : await reportModel(file, model, inference, subject, context.interrupted);
  return { file, ...report, milliseconds: Math.round(context.clock.elapsed() - started) };
}

/** @returns its bytes, or their number if they are too many */
async function readModel(path: string, file: string): Promise<Uint8Array | number> {
  try {
    const { size } = await stat(path);
    return size > DEFAULT_MAX_MODEL_BYTES ? size : await readFile(path);
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${file} cannot be read: ${fileTrouble(cause)}`, { cause });
  }
}

function oversized(size: number): ModelReport {
  const detail = `the model has ${size} bytes, and evaluators load at most ${DEFAULT_MAX_MODEL_BYTES}`;
  return { accepted: false, reason: "oversized", detail, inputs: [], outputs: [], operators: [] };
}

function reportText({ file, accepted, reason, detail, operators, milliseconds }: InspectedFile, style: Style): string {
  const name = plain(file);
  if (!accepted) return `${style.red("refused")} ${name}: ${reason}: ${plain(detail ?? "")}`;
  return `${style.green("accepted")} ${name}: ${operators.join(", ") || "no operators"} (${milliseconds} ms)`;
}
