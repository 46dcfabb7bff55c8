import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../../common/memory-budget.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import { outcomeCodes, outcomeHelp } from "../../runtime/exit-codes.ts";
import type { SmokeResult } from "../../trainer/smoke/smoke-test.ts";
import { readStackFiles } from "../connect/configuration.ts";
import type { CliContext } from "../context/context.ts";
import { type DataFlags, dataAccess, withDataFlags } from "../flags/data-flags.ts";
import {
  type InferenceFlags,
  inferenceHosts,
  inferenceSettings,
  withInferenceFlags,
} from "../flags/inference-flags.ts";
import { integer } from "../flags/integer.ts";
import { createOutput, noteDeprecations } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { plain, type Style } from "../terminal/style.ts";

interface Flags extends DataFlags, InferenceFlags {
  readonly rows: number;
  readonly steps: number;
  readonly json?: true;
}

export function smokeTestCommand(context: CliContext): Command {
  const command = new Command("smoke-test")
    .summary("train every component for a few steps on a few rows, without any service")
    .description(
      "Trains the components for which a team file is given, each for a few steps on a few of its training rows and on the outputs of the ones before it, and checks the models as an evaluator does. Publishes nothing, keeps nothing, reads no held-out rows, and needs no services: for a look at new files, or a team's CI. Outputs of components without a team file are made up.",
    )
    .argument("<files...>", "a pipeline file and at least one team file, in any order")
    .option("--rows <n>", "training rows of a component, those with the smallest hashes", integer(10, 100_000), 1000)
    .option("--steps <n>", "steps of a training, if its team file has more", integer(1, 100_000), 200)
    .option(
      "--json",
      "print JSON, one line per component: { component, passed, rows, steps, loss, model, engine, bytes, madeUp, tests, warnings, error, seconds }",
    );
  return withInferenceFlags(withDataFlags(command))
    .addHelpText(
      "after",
      `${outcomeHelp("refused")}\nExamples:\n  uncouple smoke-test pipeline.yaml m1.yaml m2.yaml\n  uncouple smoke-test pipeline.yaml m2.yaml --steps 50 --json   # m1's outputs are made up\n`,
    )
    .action(async (files: string[], flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const access = dataAccess(context, flags);
      const { pipeline, teams, deprecations } = await readStackFiles(files, context.cwd, access);
      noteDeprecations(output, deprecations);
      if (teams.length === 0) throw new UncoupleError("invalid-argument", "none of the files is a team file; add one");
      const [
        { smokeTest },
        { openTeamData },
        { createEngines },
        { createIsolatingBackend },
        { createInference, DEFAULT_INFERENCE },
      ] = await Promise.all([
        import("../../trainer/smoke/smoke-test.ts"),
        import("../../trainer/open-team-data.ts"),
        import("../../trainer/engines.ts"),
        import("../../learning/isolation/isolating-backend.ts"),
        import("../../inference/client/create-inference.ts"),
      ]);
      const { clock, interrupted } = context;
      const memory = divideMemory(DEFAULT_MEMORY_LIMIT, 1);
      const data = await openTeamData({ pipeline, teams }, pipeline.path, access, memory.databaseBytes);
      const inference = createInference(
        { ...DEFAULT_INFERENCE, ...inferenceSettings(flags) },
        { connector: await inferenceHosts(context, flags), clock },
      );
      let passed = true;
      try {
        const results = smokeTest(
          pipeline.pipeline,
          teams.map(({ team }) => team),
          flags,
          {
            dataOf: (component) => data.of(component),
            engines: createEngines({ clock, log: () => {} }),
            training: createIsolatingBackend(process, { clock }),
            inference,
            clock,
            signal: interrupted,
          },
        );
        for await (const result of results) {
          passed &&= result.passed;
          output.item(result, (style) => resultText(result, style));
        }
      } finally {
        await Promise.all([inference.close(), data.close()]);
      }
      if (!passed) throw new Finished(outcomeCodes.refused);
    });
}

function resultText({ component, passed, rows, steps, loss, seconds, ...rest }: SmokeResult, style: Style): string {
  const facts = [
    `${rows} rows`,
    `${steps} steps`,
    ...(rest.model === null ? [] : [`${rest.model} on ${rest.engine}`]),
    ...(loss === null ? [] : [`training loss ${loss.first.toPrecision(3)} -> ${loss.last.toPrecision(3)}`]),
    ...(rest.tests.length === 0
      ? []
      : [`${rest.tests.filter((test) => test.passed).length} of ${rest.tests.length} tests passed`]),
    `${seconds.toFixed(1)} s`,
  ];
  const lines = [
    passed
      ? `${style.green("passed")} ${component}: ${facts.join(", ")}`
      : `${style.red("failed")} ${component}: ${plain(rest.error ?? "")}`,
    ...(loss?.trend === "flat" ? ["the training loss neither fell nor rose; more --steps may tell"] : []),
    ...rest.tests.filter((test) => !test.passed).map((test) => `after ${steps} steps, fails ${failedTestText(test)}`),
    ...(rest.madeUp.length === 0 ? [] : [`outputs of ${rest.madeUp.join(", ")} were made up`]),
    ...rest.warnings,
  ];
  return lines.map((line, index) => (index === 0 ? line : `       ${plain(line)}`)).join("\n");
}
