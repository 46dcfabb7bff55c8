import { Command } from "commander";
import { formatProblem } from "../../pipeline/files/problem.ts";
import { crossingGroups } from "../../pipeline/files/split.ts";
import { objectiveText } from "../../pipeline/objectives.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import { originName } from "../../pipeline/shared.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { readConfiguration } from "../connect/configuration.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type DataFlags, dataAccess, withDataFlags } from "../flags/data-flags.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { createOutput, noteDeprecations } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { plain } from "../terminal/style.ts";

export function validateCommand(context: CliContext): Command {
  return withDataFlags(
    new Command("validate")
      .summary("check pipeline, team and scenario files")
      .description(
        "Checks pipeline, team and scenario files and their data, and reports every problem at once, with file, line and path. Given exactly one pipeline file, also checks the team files against it; given several, checks what they share. Exits with 2 if there are problems.",
      )
      .argument("<files...>", "pipeline, team and scenario files (YAML), in any order"),
  )
    .option("--json", "print JSON: { valid, problems: [{ file, line, path, message }] }")
    .addHelpText("after", "\nExample:\n  uncouple validate examples/paper/*.yaml\n")
    .action(async (files: string[], options: DataFlags & { json?: true }) => {
      const output = createOutput(context, options.json === true);
      const { pipelines, teams, scenarios, problems, deprecations } = await interruptible(
        context,
        readConfiguration(files, context.cwd, dataAccess(context, options)),
      );
      noteDeprecations(output, deprecations);
      for (const { name, pipeline } of pipelines) {
        const crossing = crossingGroups(pipeline);
        if (crossing !== undefined) output.note(`warning ${name}: ${crossing}`);
      }
      output.result({ valid: problems.length === 0, problems }, (style) =>
        problems.length > 0
          ? problems.map((problem) => `${style.red("error")} ${plain(formatProblem(problem))}\n`).join("")
          : [
              ...pipelines.map(
                ({ name, pipeline }) =>
                  `${style.green("ok")} ${name}: pipeline ${pipeline.name}, ${pipeline.components.map(described).join(", ")}, objective ${objectiveText(pipeline)}\n`,
              ),
              ...teams.map(
                ({ name, team }) =>
                  `${style.green("ok")} ${name}: component ${team.component}, ${team.steps} steps, ${formatProtocol(team.protocol)}\n`,
              ),
              ...scenarios.map(
                ({ name, scenario }) =>
                  `${style.green("ok")} ${name}: scenario ${scenario.name}, ${scenario.teams.length} teams, ${scenario.ticks} ticks, ${scenario.policies.join(", ")}\n`,
              ),
            ].join(""),
      );
      if (problems.length > 0) throw new Finished(exitCodes["invalid-argument"]);
    });
}

/** `m2 (reads m1)` */
function described({ name, upstream, from }: Component): string {
  const facts = [
    ...(from === undefined ? [] : [`from ${originName(from)}`]),
    ...(upstream.length === 0 ? [] : [`reads ${upstream.join(", ")}`]),
  ];
  return facts.length === 0 ? name : `${name} (${facts.join("; ")})`;
}
