import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { LossTable } from "../../data/file/loss-table.ts";
import type { LossLimit } from "../../pipeline/pipeline.ts";
import { outcomeCodes, outcomeHelp } from "../../runtime/exit-codes.ts";
import { type Comparisons, compareCandidates } from "../../verdicts/paired/compare-candidates.ts";
import type { ComparisonKind } from "../../verdicts/paired/compare-losses.ts";
import type { SliceColumn } from "../../verdicts/paired/compare-slices.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { parseKinds, parseLevel, parseLossLimit, parseMinimumEffect } from "../flags/comparison-flags.ts";
import { createOutput } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { comparisonsText } from "../text/comparison-text.ts";

interface Flags {
  readonly current: string;
  readonly candidate: readonly string[];
  readonly group?: readonly string[];
  readonly slice?: readonly string[];
  readonly minimumEffect: number;
  readonly level: number;
  readonly lossLimit?: LossLimit;
  readonly failOn?: readonly ComparisonKind[];
  readonly json?: true;
}

/** More values of a slice column are an identifier rather than slices. */
const MOST_SLICES = 1000;

export function compareCommand(context: CliContext): Command {
  return new Command("compare")
    .summary("compare row losses in a CSV or Parquet file, as verdicts do")
    .description(
      "Compares the losses of candidates with those of the current model on the same rows of a CSV or Parquet file, by the statistics that verdicts use, without a pipeline. Lower losses are better. docs/statistics.md says what each word means.",
    )
    .argument("<file>", "CSV or Parquet file with one row per example")
    .requiredOption("--current <column>", "column with the losses of the current model")
    .requiredOption("--candidate <columns...>", "columns with the losses of the candidates")
    .option(
      "--group <columns...>",
      "rows with the same value depend on each other, such as a user's; two columns cross",
    )
    .option("--slice <columns...>", "also compare the rows of each value of these columns")
    .option(
      "--minimum-effect <percent>",
      "smallest change of the loss that matters, such as 0.5%",
      parseMinimumEffect,
      0,
    )
    .option("--level <level>", "confidence level at which all intervals hold together", parseLevel, 0.95)
    .option(
      "--loss-limit <loss>",
      "count larger losses as this one; 99% for that quantile of the current",
      parseLossLimit,
    )
    .option(
      "--fail-on <kinds>",
      `exit with ${outcomeCodes.named} if a verdict is one of these, separated by commas`,
      parseKinds,
    )
    .option("--json", "print JSON: { rows, groups, method, level, bound, results: [{ candidate, kind, ... }] }")
    .addHelpText(
      "after",
      `${outcomeHelp("named")}\nExamples:\n  uncouple compare losses.csv --current v1 --candidate v2\n  uncouple compare losses.parquet --current v1 --candidate v2 v3 --group user --slice device --minimum-effect 0.5% --fail-on degraded,inconclusive\n`,
    )
    .action(async (file: string, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const comparisons = await interruptible(context, compareFile(resolve(context.cwd, file), flags));
      output.result(comparisons, (style) => comparisonsText(comparisons, flags.minimumEffect, style));
      if (comparisons.results.some(({ kind }) => flags.failOn?.includes(kind))) throw new Finished(outcomeCodes.named);
    });
}

async function compareFile(path: string, flags: Flags): Promise<Comparisons> {
  const { current: currentColumn, candidate: candidates, group = [], slice = [] } = flags;
  if (group.length > 2) throw new UncoupleError("invalid-argument", "--group takes one column, or two that cross");
  // Loaded lazily: DuckDB loads slowly, and other subcommands do not need it.
  const { readLossTable } = await import("../../data/file/loss-table.ts");
  const table = await readLossTable(path, { numbers: [currentColumn, ...candidates], texts: [...group, ...slice] });
  const losses = (column: string) => ({ name: column, losses: table.numbers[column] as Float64Array });
  return compareCandidates(losses(currentColumn), candidates.map(losses), {
    groupings: group.map((column) => groupingOf(table, column)),
    slices: slice.map((column) => sliceOf(table, column)),
    level: flags.level,
    minimumEffect: flags.minimumEffect,
    ...(flags.lossLimit !== undefined && { limit: flags.lossLimit }),
  });
}

function groupingOf(table: LossTable, column: string): Grouping {
  const { codes, dictionary } = table.texts[column] as LossTable["texts"][string];
  return { codes, count: dictionary.length };
}

function sliceOf(table: LossTable, column: string): SliceColumn {
  const { codes, dictionary } = table.texts[column] as LossTable["texts"][string];
  if (dictionary.length <= MOST_SLICES) return { column, codes, values: dictionary };
  throw new UncoupleError(
    "invalid-argument",
    `column ${column} has ${dictionary.length} values; slices need a column with at most ${MOST_SLICES}`,
  );
}
