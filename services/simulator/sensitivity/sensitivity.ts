import type { SimulationResults } from "../measures/simulation-results.ts";
import type { ChangedAssumption } from "./assumptions.ts";

/** What one changed assumption does to the mean losses of the policies. */
export interface SensitivityRow {
  readonly assumption: ChangedAssumption["assumption"];
  readonly from: string;
  readonly to: string;
  /** With the names and in the order of the scenario. Student's t intervals at 95 %, null for one seed. */
  readonly policies: readonly {
    readonly name: string;
    readonly meanLoss: number;
    readonly low: number | null;
    readonly high: number | null;
  }[];
  readonly flips: readonly RankFlip[];
}

/** Two policies that change places, by mean loss. */
export interface RankFlip {
  /** The one with the lower mean loss in the scenario, and with the higher one here. */
  readonly before: string;
  /** The one with the lower mean loss here. */
  readonly after: string;
  /** Paired differences of mean losses, `before` - `after`: below 0 in the scenario, above 0 here. */
  readonly differences: readonly [scenario: number, here: number];
  /** Whether the 95 % intervals of both exclude 0; never with one seed. */
  readonly isCertain: boolean;
}

/** @param base of the scenario @param results of the scenario with the assumption changed */
export function sensitivityRow(
  base: SimulationResults,
  { assumption, from, to }: ChangedAssumption,
  results: SimulationResults,
): SensitivityRow {
  const names = base.policies.map(({ name }) => name);
  return {
    assumption,
    from,
    to,
    policies: results.policies.map(({ loss, intervals }, at) => ({
      name: names[at] as string,
      meanLoss: loss.mean,
      low: intervals.meanLoss?.[0] ?? null,
      high: intervals.meanLoss?.[1] ?? null,
    })),
    flips: names.flatMap((_, a) =>
      names.slice(a + 1).flatMap((_, after) => {
        const b = a + 1 + after;
        const [was, is] = [differenceOf(base, a, b), differenceOf(results, a, b)];
        if (was.difference * is.difference >= 0) return [];
        const [first, second] = (was.difference < 0 ? [a, b] : [b, a]).map((at) => names[at] as string);
        const sign = was.difference < 0 ? 1 : -1;
        return [
          {
            before: first as string,
            after: second as string,
            differences: [sign * was.difference, sign * is.difference] as const,
            isCertain: excludesZero(was) && excludesZero(is),
          },
        ];
      }),
    ),
  };
}

type Difference = SimulationResults["comparisons"][number];

function differenceOf({ policies, comparisons }: SimulationResults, a: number, b: number): Difference {
  const [nameA, nameB] = [policies[a]?.name, policies[b]?.name];
  return comparisons.find((one) => one.a === nameA && one.b === nameB && one.measure === "meanLoss") as Difference;
}

function excludesZero({ low, high }: Difference): boolean {
  return low !== null && high !== null && low * high > 0;
}
