import { tableHtml } from "../../report/document.ts";
import type { Html } from "../../report/html.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { PolicyResults, SimulationResults } from "../measures/simulation-results.ts";
import { signed } from "./organization-graph.ts";

/** Measures that the tables show with their intervals. */
type Shown = "meanLoss" | "finalLoss";

/** Policies by mean loss, the lowest first. */
export function ranked(policies: readonly PolicyResults[]): readonly PolicyResults[] {
  return policies.toSorted((a, b) => a.loss.mean - b.loss.mean);
}

/** `9.28 (2.99 to 15.6)`, or the value alone for one seed. */
export function withInterval(policy: PolicyResults, measure: Shown): string {
  const value = formatNumber(measure === "meanLoss" ? policy.loss.mean : policy.loss.final);
  const interval = policy.intervals[measure];
  return interval === undefined ? value : `${value} (${interval.map(formatNumber).join(" to ")})`;
}

/** How good the pipeline is under each policy. */
export function leagueTable({ policies, comparisons }: SimulationResults): Html {
  const sorted = ranked(policies);
  const best = sorted[0]?.name;
  const columns = [
    "Mean loss",
    "Against the best",
    "Geometric",
    "Final loss",
    "Regret",
    "To best",
    "Spike",
    "Recovery",
  ];
  return tableHtml(
    [{ title: "" }, { title: "Policy" }, ...columns.map((title) => ({ title, number: true }))],
    sorted.map((policy, at) => [
      `${at + 1}`,
      policy.name,
      withInterval(policy, "meanLoss"),
      againstBest(policy.name, best, comparisons),
      formatNumber(policy.loss.geometricMean),
      withInterval(policy, "finalLoss"),
      formatNumber(policy.regret),
      formatNumber(policy.timeToBest),
      formatNumber(policy.worstSpike),
      formatNumber(policy.recoveryTicks),
    ]),
  );
}

function againstBest(name: string, best: string | undefined, comparisons: SimulationResults["comparisons"]): string {
  const found = comparisons.find(
    ({ a, b, measure }) => measure === "meanLoss" && ((a === name && b === best) || (a === best && b === name)),
  );
  if (found === undefined) return "";
  const sign = found.a === name ? 1 : -1;
  const text = signed(sign * found.difference);
  if (found.low === null || found.high === null) return text;
  const [low, high] = sign === 1 ? [found.low, found.high] : [-found.high, -found.low];
  return `${text} (${signed(low)} to ${signed(high)})`;
}

/** What each policy costs. */
export function costsTable({ policies }: SimulationResults): Html {
  const columns = [
    "Deployed",
    "Harmful (self-defeating)",
    "Refused (good)",
    "Deadlocked",
    "Forced",
    "Steps",
    "Waiting",
    "Staleness",
  ];
  return tableHtml(
    [{ title: "Policy" }, ...columns.map((title) => ({ title, number: true }))],
    ranked(policies).map((policy) => [
      policy.name,
      formatNumber(policy.deployments),
      `${formatNumber(policy.degrading)} (${formatNumber(policy.selfDefeating)})`,
      `${formatNumber(policy.rejected + policy.held)} (${formatNumber(policy.rejectedGood)})`,
      formatNumber(policy.deadlocks),
      formatNumber(policy.retrainings),
      formatNumber(policy.steps / 1000),
      formatNumber(policy.waitingTicks),
      formatNumber(policy.staleness),
    ]),
  );
}
