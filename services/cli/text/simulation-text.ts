import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import type { PolicyResults, SimulationResults } from "../../simulator/measures/simulation-results.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

const NOTE =
  "Loss: 0 is the irreducible loss, 100 that of the initial models. Regret: excess over the lowest loss of any policy, summed over ticks. Harmful: deployments that degraded the pipeline; of these, self-defeating ones. Refused: snapshots rejected or held; of these, ones whose own loss improved. Waiting: ticks of a wish that are neither training nor deployment.";

/** Formats the results of a simulation for a terminal, the policy with the lowest mean loss first. */
export function simulationText(
  { scenario, policies, seeds, ticks, seconds }: SimulationResults,
  style: Style,
  width: number,
): string {
  const sorted = policies.toSorted((a, b) => a.loss.mean - b.loss.mean);
  return [
    `${scenario.teams.length} teams, ${ticks} ticks, ${seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`}, ${formatSeconds(seconds)}.`,
    "",
    formatTable(
      [
        { title: "POLICY" },
        { title: "MEAN LOSS", wraps: true },
        { title: "FINAL", wraps: true },
        { title: "REGRET", number: true },
        { title: "WORST SPIKE", number: true },
        { title: "DEPLOYED", number: true },
        { title: "HARMFUL", number: true },
        { title: "REFUSED", number: true },
        { title: "RETRAINED", number: true },
        { title: "WAITING", number: true },
      ],
      sorted.map((policy) => [
        policy.name,
        withInterval(policy.loss.mean, policy.intervals.meanLoss),
        withInterval(policy.loss.final, policy.intervals.finalLoss),
        formatNumber(policy.regret),
        formatNumber(policy.worstSpike),
        formatNumber(policy.deployments),
        `${formatNumber(policy.degrading)} (${formatNumber(policy.selfDefeating)})`,
        `${formatNumber(policy.rejected + policy.held)} (${formatNumber(policy.rejectedGood)})`,
        formatNumber(policy.retrainings),
        formatNumber(policy.waitingTicks),
      ]),
      style,
      width,
    ),
    ...wrap(NOTE, width).map((line) => style.dim(line)),
    "",
  ].join("\n");
}

function withInterval(value: number, interval: PolicyResults["intervals"]["meanLoss"]): string {
  const text = formatNumber(value);
  return interval === undefined ? text : `${text} (${interval.map(formatNumber).join(" to ")})`;
}
