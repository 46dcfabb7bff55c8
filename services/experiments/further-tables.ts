import type { RevenueCause } from "../data/synthetic/clicks.ts";
import type { BarChart } from "../report/bar-chart.ts";
import type { LineChart } from "../report/line-chart.ts";
import type { Estimators } from "./beyond/estimators.ts";
import { type Gate, type GatePolicyName, TICKS } from "./beyond/gate.ts";
import { type MeanInterval, proportionText, type Summary } from "./lab/statistics.ts";
import type { Reproduction } from "./reproduce.ts";

/** An experiment's result as a table; the last column contains the numbers. */
export interface ResultTable {
  readonly title: string;
  /** The setup and the unit. */
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** For the report. */
  readonly chart?: BarChart;
  readonly lines?: LineChart;
}

/** Tables of the experiments that go beyond the paper, for the terminal and the report. */
export function furtherTables({
  dag,
  estimators,
  support,
  policy,
  diagnosis,
  gap,
  gate,
}: Reproduction): readonly ResultTable[] {
  return [
    ...(dag === undefined
      ? []
      : [
          {
            title: "Larger pipelines: all components updated at once",
            text: "A chain of three and a diamond of four components. All teams train in parallel on the initial predictions of their upstream, then all snapshots are replaced at once; sync trains the components one after another on the new snapshots. The initial pipeline is 100. Mean and standard deviation over seeds.",
            columns: ["Pipeline", "Protocol of all", "End-to-end loss"],
            rows: dag.rows.map((row) => [row.shape, row.protocol, spread(row)]),
          },
        ]),
    ...(estimators === undefined
      ? []
      : [
          {
            title: "Causal training without the oracle",
            text: "M2 trained causally on M1^0, with counterfactual outputs learned from audited rows, then composed with the consistent M1. M2* o M1^0 is 100. Mean and standard deviation over seeds.",
            columns: ["Source", "Audited rows", "End-to-end loss"],
            rows: estimators.rows.map((row) => [row.estimator, row.audited === 0 ? "" : `${row.audited}`, spread(row)]),
          },
        ]),
    ...(estimators === undefined ? [] : [clicksTable(estimators)]),
    ...(support === undefined
      ? []
      : [
          {
            title: "Support: M1^0 through a bottleneck",
            text: "M2 trained on an M1^0 whose output may not cover its space, then composed with the consistent M1. Warned: number of seeds in which the support check warned before training. M2* o M1^0 is 100. Mean and standard deviation over seeds.",
            columns: ["M1^0", "Protocol", "Warned", "End-to-end loss"],
            rows: support.rows.map((row) => [
              row.bottleneck,
              row.protocol,
              `${row.warned} of ${support.seeds.length}`,
              spread(row),
            ]),
          },
        ]),
    ...(policy === undefined
      ? []
      : [
          {
            title: "A decision-making M2: regret",
            text: "A policy over four actions, trained on the reward of every action or on logged actions. The regret of choosing by M2* o M1^0 is 100. Mean and standard deviation over seeds.",
            columns: ["Feedback", "Protocol", "M1", "Regret"],
            rows: policy.rows.map((row) => [row.feedback, row.protocol, row.upstream, spread(row)]),
          },
        ]),
    ...(diagnosis === undefined
      ? []
      : [
          {
            title: "Why a better M1 degrades the pipeline even with M2 retrained",
            text: "Two generated updates with known causes. near-far: M1 becomes right about far objects and loses the near ones that M2 needs, an upstream error of 1/6. cube: M1 becomes exact, but a linear M2 cannot use its output, an approximation error of 4/75. The increase in mean squared error and its parts; mean and standard deviation over seeds.",
            columns: ["Case", "Cause", "Upstream", "Approximation", "Estimation", "Increase"],
            rows: diagnosis.rows.map((row) => [
              row.case,
              Object.entries(row.named)
                .filter(([, count]) => count > 0)
                .map(([part, count]) => `${part} in ${count} of ${diagnosis.seeds.length}`)
                .join(", "),
              spread(row.parts.upstream),
              spread(row.parts.approximation),
              spread(row.parts.estimation),
              spread(row.change),
            ]),
          },
        ]),
    ...(gap === undefined
      ? []
      : [
          {
            title: "Consistency gaps as forecasts",
            text: "M1 becomes right, exactly or as a model trained until it is nearly perfect, or only better (incremental), which the gap does not claim to forecast. The gap is measured before, on 1,000 annotated held-out rows, the verdict on the other held-out rows. Forecast: the gap has the sign of the verdict, of the verdicts that the pipeline degraded, improved, and of both; sure: of those whose gap decides, too; noisy: measured with mistakes of the annotator of half a standard deviation of z. Off by: median difference between gap and change, in % of the loss. The 95 % Wilson intervals take updates as independent, although those of a seed are not.",
            columns: [
              "M1",
              "Pipeline",
              "Protocol downstream",
              "Updates",
              "Degraded, forecast",
              "Improved, forecast",
              "Sign right",
              "Sure and right",
              "Noisy and right",
              "Off by",
            ],
            rows: gap.rows.map((row) => [
              row.update,
              row.pipeline,
              row.protocol,
              `${row.updates}`,
              `${row.degraded.count} of ${row.degraded.trials}`,
              `${row.improved.count} of ${row.improved.trials}`,
              proportionText(row.right),
              `${row.sure.count} of ${row.sure.trials}`,
              `${row.noisy.count} of ${row.noisy.trials}`,
              row.error === null ? "" : `${digits(100 * row.error, 2)} %`,
            ]),
          },
        ]),
    ...(gate === undefined ? [] : [gateTable(gate)]),
  ];
}

const POLICY_NAMES: Readonly<Record<GatePolicyName, string>> = {
  none: "no gate",
  gate: "gate, one by one",
  "gate-sets": "gate, sets",
  "co-training": "gate, co-training",
};

function gateTable({ rows }: Gate): ResultTable {
  return {
    title: "What gates release",
    text: `Both teams of the paper's pipeline train for ${TICKS} ticks, in random order: M1s of ever larger model classes, and async M2s on the M1 in use. The default gate decides what is released; the loss is that of held-out rows that it never asks. M2* o M1^0 is 100. Mean and standard deviation over seeds.`,
    columns: ["Released by", "Worst tick", "Mean over ticks", "After the last tick"],
    rows: rows.map(({ policy, worst, felt, final }) => [
      POLICY_NAMES[policy],
      spread(worst),
      spread(felt),
      spread(final),
    ]),
    lines: {
      label: "End-to-end loss of what is released, tick by tick",
      xTitle: "tick",
      yTitle: "end-to-end loss",
      logY: true,
      series: rows.map(({ policy, losses }) => ({
        name: POLICY_NAMES[policy],
        points: losses.map((y, x) => ({ x, y })),
      })),
    },
  };
}

const CAUSE_NAMES: Readonly<Record<RevenueCause, string>> = { click: "the click", propensity: "its probability" };

/** The two worlds in which M1 predicts a probability and the audit has labels. */
function clicksTable({ clicks }: Estimators): ResultTable {
  const mostAudited = Math.max(...clicks.map(({ audited }) => audited));
  return {
    title: "Labels of a probability: clicks and revenue",
    text: "M1 predicts the probability of a click and M2 the revenue; audited rows have the click, not its probability. Revenue depends on the click itself, or on its probability. Squared distance to E[y | x1, x2], where M2* o M1^0 is 100: today with M1^0, and once M1 is the true probability. sync trains on the true probabilities. Beyond calibration: the same with M1*, minus that of calibration, seed by seed. Mean over seeds, with 95 % intervals.",
    columns: ["Revenue depends on", "Source", "Audited rows", "Today", "With M1*", "Beyond calibration"],
    rows: clicks.map(({ cause, estimator, audited, initial, consistent, beyondCalibration }) => [
      CAUSE_NAMES[cause],
      estimator,
      audited === 0 ? "" : `${audited}`,
      withInterval(initial),
      withInterval(consistent),
      beyondCalibration === undefined ? "" : withInterval(beyondCalibration),
    ]),
    chart: {
      label: "Distance to the truth once M1 is the true probability, by source",
      groupTitle: "revenue depends on",
      yTitle: `distance with M1*, ${mostAudited} audited rows`,
      bars: clicks
        .filter(({ audited }) => audited === 0 || audited === mostAudited)
        .map(({ cause, estimator, consistent: { mean, interval } }) => ({
          group: CAUSE_NAMES[cause],
          series: estimator,
          value: mean,
          ...(interval !== null && { low: interval[0], high: interval[1] }),
        })),
    },
  };
}

/** `6.75 (5.9 to 7.6)`, or the mean alone if there are too few seeds for an interval. */
export function withInterval({ mean, interval }: MeanInterval): string {
  if (interval === null) return digits(mean, 3);
  return `${digits(mean, 3)} (${digits(interval[0], 2)} to ${digits(interval[1], 2)})`;
}

/** `63.4 ± 18`: mean and standard deviation. */
export function spread({ mean, std }: Summary): string {
  return `${digits(mean, 3)} ± ${digits(std, 2)}`;
}

/** At least that many significant digits, with an exponent only for numbers near 0: `0.475`, `230`, `2.4e-5`. */
function digits(value: number, count: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(1);
  const text = value.toPrecision(count);
  return text.includes("e+") ? value.toFixed(0) : text;
}
