import { mean } from "../../../services/common/statistics.ts";
import { intervalPlot } from "../../../services/report/interval-plot.ts";
import { meanOverSeeds } from "../../../services/simulator/measures/student-interval.ts";
import { BASELINE, type Found } from "./contestants.ts";

/** What one search on one division of one table found. */
export interface Outcome extends Found {
  readonly problem: string;
  readonly seed: number;
  readonly contestant: string;
}

/** A loss divided by that of the baseline: the geometric mean over seeds, with its 95 % interval. */
interface Factor {
  readonly factor: number;
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  /** `all`: the mean over the problems, of each seed. */
  readonly problem: string;
  readonly contestant: string;
  readonly validation: Factor;
  readonly test: Factor;
  /** Mean over seeds. */
  readonly trials: number;
  readonly share: number;
}

const ALL = "all";

export function comparisonOf(outcomes: readonly Outcome[]): readonly Comparison[] {
  const problems = unique(outcomes.map(({ problem }) => problem));
  const seeds = unique(outcomes.map(({ seed }) => seed));
  const others = unique(outcomes.map(({ contestant }) => contestant)).filter((name) => name !== BASELINE);
  const find = (problem: string, seed: number, contestant: string) =>
    outcomes.find((one) => one.problem === problem && one.seed === seed && one.contestant === contestant) as Outcome;

  const factor = (measured: readonly string[], contestant: string, loss: "validation" | "test"): Factor => {
    const ratios = seeds.map((seed) =>
      mean(
        measured.map((problem) =>
          Math.log(find(problem, seed, contestant)[loss] / find(problem, seed, BASELINE)[loss]),
        ),
      ),
    );
    const { mean: center, low, high } = meanOverSeeds(ratios);
    return { factor: Math.exp(center), low: Math.exp(low ?? center), high: Math.exp(high ?? center) };
  };
  return [...problems, ALL].flatMap((problem) => {
    const measured = problem === ALL ? problems : [problem];
    return others.map((contestant) => ({
      problem,
      contestant,
      validation: factor(measured, contestant, "validation"),
      test: factor(measured, contestant, "test"),
      trials: mean(measured.flatMap((name) => seeds.map((seed) => find(name, seed, contestant).trials))),
      share: mean(measured.flatMap((name) => seeds.map((seed) => find(name, seed, contestant).share))),
    }));
  });
}

export function comparisonText(comparison: readonly Comparison[]): string {
  const number = ({ factor, low, high }: Factor) =>
    `${factor.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`.padEnd(22);
  const lines = comparison.map(
    ({ problem, contestant, validation, test, trials, share }) =>
      `${problem.padEnd(10)}${contestant.padEnd(34)}${number(validation)}${number(test)}${trials.toFixed(0).padStart(6)}${(100 * share).toFixed(0).padStart(5)} %`,
  );
  const head = `${"".padEnd(44)}${"validation loss".padEnd(22)}${"unseen rows".padEnd(22)}trials  steps`;
  return [`loss of the best trial, divided by that of ${BASELINE}, with 95 % intervals`, head, ...lines].join("\n");
}

/** Colors of a light page, which the plot's variables stand for on a page of ours. */
const COLORS = { "--ink": "#333", "--faint": "#666", "--line": "#ddd", "--bad-soft": "#fbe9e7" };

/** Searches with equal steps, by their names in the plot. */
const PLOTTED: Readonly<Record<string, string>> = {
  "Optuna TPE": "Optuna TPE",
  "quasi-random": "quasi-random",
  "quasi-random, halving, all steps": "with halving",
  "quasi-random, median, all steps": "with median",
};

/** The losses on rows that no search saw. @returns SVG */
export async function comparisonPlot(comparison: readonly Comparison[]): Promise<string> {
  const points = comparison.flatMap(({ problem, contestant, test }) => {
    const series = PLOTTED[contestant];
    return series === undefined ? [] : [{ group: problem, series, ...test }];
  });
  const { markup } = await intervalPlot({
    label: `Loss of the best trial on unseen rows, relative to ${BASELINE}`,
    xTitle: `loss of the best trial on unseen rows, relative to ${BASELINE}`,
    points,
  });
  let svg = markup.replace("<svg ", '<svg style="background: white" ');
  for (const [name, color] of Object.entries(COLORS)) svg = svg.replaceAll(`var(${name})`, color);
  return `${svg}\n`;
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
