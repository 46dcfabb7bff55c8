import { barChart } from "../report/bar-chart.ts";
import { figure, type ReportDocument, type ReportSection, reportDocument, tableHtml } from "../report/document.ts";
import { html } from "../report/html.ts";
import { lineChart } from "../report/line-chart.ts";
import { formatNumber } from "../report/numbers.ts";
import { furtherTables, spread, withInterval } from "./further-tables.ts";
import { type Harm, proportionText } from "./lab/statistics.ts";
import { type Figure1, figure1ClosedForm } from "./paper/figure1.ts";
import type { Figure3 } from "./paper/figure3.ts";
import { countOrderings } from "./paper/orderings.ts";
import type { Table1 } from "./paper/table1.ts";
import type { UpdateFamily } from "./paper/table1-gated.ts";
import type { Table2 } from "./paper/table2.ts";
import { FURTHER_EXPERIMENTS, PAPER_EXPERIMENTS, type Reproduction } from "./reproduce.ts";

/** The values of the paper's Table 2: mean and standard deviation over ten runs. */
export const PAPER_TABLE2 = {
  consistent: { mean: 0.642, std: 0.334 },
  incremental: { mean: 46.094, std: 0.449 },
} as const;

/**
 * Renders the reproduced tables and figures, with the paper's values, as an HTML document.
 *
 * @param footer how it was made
 */
export async function reproductionReport(reproduction: Reproduction, footer: string): Promise<string> {
  const sections: ReportSection[] = [];
  if (reproduction.figure1 !== undefined) sections.push(await figure1Section(reproduction.figure1));
  if (reproduction.table1 !== undefined) sections.push(await table1Section(reproduction.table1));
  if (reproduction.table2 !== undefined) sections.push(await table2Section(reproduction.table2));
  if (reproduction.figure3 !== undefined) sections.push(await figure3Section(reproduction.figure3));
  for (const { title, text, columns, rows, chart, lines } of furtherTables(reproduction)) {
    const isMeasured = (at: number) => rows.every((row) => /^(-?\d[\d.e-]*( ± .*| \(.*\))?)?$/.test(row[at] ?? ""));
    const table = tableHtml(
      columns.map((column, at) => ({ title: column, number: isMeasured(at) })),
      rows,
    );
    const plot = await (chart === undefined ? lines && lineChart(lines) : barChart(chart));
    sections.push({ heading: title, text, body: plot === undefined ? table : html`${figure(plot)}${table}` });
  }
  return reportDocument({ ...headingOf(reproduction), sections, footer });
}

/** Titles of the pages of experiments that are not in the paper. */
const FURTHER_TITLES: Readonly<Record<(typeof FURTHER_EXPERIMENTS)[number], string>> = {
  dag: "Independent training in larger pipelines",
  estimators: "Where counterfactual outputs come from",
  support: "Causal training where M1 does not cover its space",
  policy: "A pipeline that ends in a decision",
  diagnosis: "Why a better component degrades a pipeline",
  gap: "What a pipeline loses when a component becomes right",
  gate: "What gates release",
};

function headingOf(reproduction: Reproduction): Pick<ReportDocument, "title" | "summary"> {
  const further = FURTHER_EXPERIMENTS.find((name) => reproduction[name] !== undefined);
  if (further === undefined || PAPER_EXPERIMENTS.some((name) => reproduction[name] !== undefined)) {
    return {
      title: "Towards Modular Machine Learning Pipelines, reproduced",
      summary:
        "The experiments of Modi et al. (2023), retrained and remeasured with the code that the services run. All " +
        "losses are measured on held-out rows.",
    };
  }
  return {
    title: FURTHER_TITLES[further],
    summary:
      "An experiment that is not in Modi et al. (2023), run with the code that the services run and measured on " +
      "held-out rows.",
  };
}

async function figure1Section({ a, b, losses, selfDefeating }: Figure1): Promise<ReportSection> {
  const exact = figure1ClosedForm(a, b);
  const names: Readonly<Record<keyof Figure1["losses"], string>> = {
    blind: "M2 blind to z",
    async_initial: "M2 async, linear M1",
    async_true: "M2 async, true M1",
    causal_true: "M2 causal, true M1",
    oracle_initial: "M2*, linear M1",
  };
  const keys = Object.keys(names) as (keyof Figure1["losses"])[];
  const chart = await barChart({
    label: "End-to-end loss in Figure 1, trained and in closed form",
    groupTitle: "",
    yTitle: "mean squared error",
    bars: keys.flatMap((key) => [
      { group: names[key], series: "trained", value: losses[key] },
      { group: names[key], series: "closed form", value: exact[key] },
    ]),
  });
  return {
    heading: `Figure 1: coupling in two components, z = ${a} x1² + ${b} x1`,
    text: selfDefeating
      ? "M2 has learned to correct the errors of the linear M1. Once M1 is exact, M2 overcorrects, and the pipeline is worse than one that ignores z: a self-defeating improvement."
      : "With these coefficients, the coupled M2 with the true M1 is still better than an M2 that ignores z; above |a / b| = 1.0855 it is not.",
    body: figure(chart),
  };
}

async function table1Section({ rows, gated, remarks }: Table1): Promise<ReportSection> {
  const tick = (holds: boolean) => (holds ? "✓" : "✗");
  const table = tableHtml(
    [
      { title: "Protocol" },
      { title: "Messages", number: true },
      { title: "Waited", number: true },
      { title: "Consistent updates" },
      { title: "Its own updates" },
      { title: "Random mixes" },
      { title: "Paper" },
    ],
    rows.map(({ protocol, coordination, consistencyViolations, ownViolations, alignmentViolations, paper }) => [
      protocol,
      `${coordination.messages}`,
      `${Math.round((100 * coordination.waitedSteps) / coordination.trainedSteps)} %`,
      harmText(consistencyViolations),
      harmText(ownViolations),
      harmText(alignmentViolations),
      [paper.independent, paper.consistent, paper.aligned].map(tick).join(" "),
    ]),
  );
  const updates = tableHtml(
    [
      { title: "Protocol" },
      { title: "Its own update of M1" },
      { title: "M1's own loss", number: true },
      { title: "Worse" },
    ],
    ownUpdateRows(rows),
  );
  const gates = tableHtml(
    GATED_COLUMNS.map((title) => ({ title })),
    gatedTableRows(gated),
  );
  return {
    heading: "Table 1: properties of each protocol",
    text: "Messages and Waited: coordination messages while both teams train once, and time spent waiting as a share of all training steps. Then, updates of M1 that increased the pipeline's held-out loss, with their share, and by how much the loss increased on average over all updates (M2* o M1^0 = 100; 0 where it did not): 95 % intervals, seeds resampled as a whole. Consistent updates: M1s near M1*, and M1* itself. Its own updates: proximal throttles M1 by lambda, all others train better model classes. Random mixes of M1^0 and the consistent M1 that improve M1's own loss are a stress test. Paper: its ticks for independently trainable, consistent, aligned.",
    body: html`${table}${updates}<p class="note">${GATED_TEXT}</p>${gates}${remarks.map((remark) => html`<p class="note">${remark}</p>`)}`,
  };
}

/** Cells for every update that a protocol itself produces: protocol, update, M1's own loss, harm. */
export function ownUpdateRows(rows: Table1["rows"]): readonly (readonly string[])[] {
  return rows.flatMap(({ protocol, ownUpdates }) =>
    ownUpdates.map(({ update, ownLoss, harm }) => [protocol, update, `${formatNumber(ownLoss)} %`, harmText(harm)]),
  );
}

export const GATED_COLUMNS = [
  "Async with a gate",
  "Updates of M1",
  "Made what is released worse",
  "Rejected",
  "Rejected though good",
  "Loss released",
] as const;

export const GATED_TEXT =
  "The same updates of M1 under a gate, each decided by itself from M1^0: rejection releases what the measured loss shows to be better, the paper's async protocol in full; gate-sets also lets M2 follow what is released, and snapshots move together; co-training also retrains M2 on updates that are held. Good: the pipeline with an M2 retrained on the update is better. Losses are measured on the held-out rows that the gate never asks (M2* o M1^0 = 100); 95 % intervals, seeds resampled as a whole; loss: mean and standard deviation over seeds.";

const FAMILY_NAMES: Readonly<Record<UpdateFamily, string>> = {
  consistent: "consistent",
  own: "its own",
  mixes: "random mixes",
};

/** Cells for what gates make of updates, as in `GATED_COLUMNS`. */
export function gatedTableRows(rows: Table1["gated"]): readonly (readonly string[])[] {
  return rows.map(({ protocol, updates, violations, rejected, goodRejected, loss }) => [
    protocol,
    FAMILY_NAMES[updates],
    harmText(violations),
    proportionText(rejected),
    proportionText(goodRejected),
    spread(loss),
  ]);
}

/** `27 of 60 (21 to 70 %), by 18.3 (7.5 to 40)`: how often, and by how much on average over all updates. */
export function harmText(harm: Harm): string {
  const often = proportionText(harm);
  return harm.count === 0 ? often : `${often}, by ${withInterval(harm.size)}`;
}

async function table2Section({ rows }: Table2): Promise<ReportSection> {
  return {
    heading: "Table 2: M1's own loss after an update",
    text: "Relative to M1's initial snapshot, which is 100. Mean and standard deviation over seeds.",
    body: tableHtml(
      [{ title: "Update" }, { title: "Here", number: true }, { title: "Paper", number: true }],
      rows.map(({ upstream, mean, std }) => [
        upstream,
        `${mean.toFixed(3)} ± ${std.toFixed(3)}`,
        `${PAPER_TABLE2[upstream].mean.toFixed(3)} ± ${PAPER_TABLE2[upstream].std.toFixed(3)}`,
      ]),
    ),
  };
}

async function figure3Section(result: Figure3): Promise<ReportSection> {
  const { rows, seeds } = result;
  const chart = await barChart({
    label: "End-to-end loss by protocol and M1 snapshot",
    groupTitle: "M1 snapshot",
    yTitle: "end-to-end loss",
    bars: rows.map(({ protocol, upstream, mean, std }) => ({
      group: upstream,
      series: protocol,
      value: mean,
      low: Math.max(0, mean - std),
      high: mean + std,
    })),
  });
  const upstreams = [...new Set(rows.map(({ upstream }) => upstream))];
  const protocols = [...new Set(rows.map(({ protocol }) => protocol))];
  const table = tableHtml(
    [{ title: "M2" }, ...upstreams.map((upstream) => ({ title: `M1 ${upstream}`, number: true }))],
    protocols.map((protocol) => [
      protocol,
      ...upstreams.map((upstream) => {
        const row = rows.find((each) => each.protocol === protocol && each.upstream === upstream);
        return row === undefined ? "" : `${formatNumber(row.mean)} ± ${formatNumber(row.std)}`;
      }),
    ]),
  );
  return {
    heading: "Figure 3: the pipeline after M1 is updated",
    text: "End-to-end loss, where M2* with the initial M1 has 100. With a gate (rejection, gate-sets, co-training), the M1s arrive one after the other, and the loss is that of what is released. Bars are means over seeds; lines are one standard deviation. The paper prints this figure without numbers and derives orderings from it; the last table counts the seeds in which each ordering held.",
    body: html`${figure(chart)}${table}${tableHtml(
      [{ title: "Ordering" }, { title: "Held in", number: true }],
      Object.entries(countOrderings(result)).map(([claim, count]) => [claim, `${count} of ${seeds.length}`]),
    )}`,
  };
}
