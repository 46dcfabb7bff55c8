import { expect, test } from "vitest";
import type { Estimators } from "../../../services/experiments/beyond/estimators.ts";
import type { Gate } from "../../../services/experiments/beyond/gate.ts";
import { reproductionReport } from "../../../services/experiments/reproduction-report.ts";

const summary = { mean: 1.5, std: 0.5, values: [1, 2] };
const estimators: Estimators = {
  experiment: "estimators",
  seeds: [0, 1],
  rows: [{ estimator: "pooled", audited: 300, ...summary }],
  clicks: (["click", "propensity"] as const).flatMap((cause) => [
    {
      cause,
      estimator: "calibration",
      audited: 1000,
      initial: { ...summary, interval: [1.2, 1.8] },
      consistent: { ...summary, interval: [1.25, 1.75] },
    },
    {
      cause,
      estimator: "pooled",
      audited: 1000,
      initial: { ...summary, interval: [1.2, 1.8] },
      consistent: { ...summary, interval: [1.25, 1.75] },
      beyondCalibration: { mean: -0.25, interval: [-0.5, 0.125] },
    },
    {
      cause,
      estimator: "sync",
      audited: 0,
      initial: { ...summary, interval: null },
      consistent: { ...summary, interval: null },
    },
  ]),
};
const gate: Gate = {
  experiment: "gate",
  seeds: [0, 1],
  rows: (["none", "gate"] as const).map((policy) => ({
    policy,
    final: summary,
    felt: { ...summary, mean: 20 },
    worst: { ...summary, mean: 70 },
    losses: [60, 20, 1.5],
  })),
};
const titleOf = (page: string) => /<h1>(.*)<\/h1>/.exec(page)?.[1];

test("only the page of the paper's experiments has the paper's title", async () => {
  const table2 = { experiment: "table2", seeds: [0, 1], rows: [{ upstream: "consistent", ...summary }] } as const;
  expect(titleOf(await reproductionReport({ table2 }, "a test"))).toBe(
    "Towards Modular Machine Learning Pipelines, reproduced",
  );
  const page = await reproductionReport({ estimators }, "a test");
  expect(titleOf(page)).toBe("Where counterfactual outputs come from");
  expect(page).toContain("not in Modi et al. (2023)");
  const dag = { experiment: "dag", seeds: [0], rows: [] } as const;
  expect(titleOf(await reproductionReport({ dag }, "a test"))).toBe("Independent training in larger pipelines");
});

test("the sources of ytilde are shown for both causes of revenue, with intervals where there are any, and a plot", async () => {
  const page = await reproductionReport({ estimators }, "a test");
  expect(page).toContain("1.50 (1.3 to 1.8)");
  expect(page).toContain("-0.250 (-0.50 to 0.13)");
  expect(page.match(/<td>calibration<\/td>/g)).toHaveLength(2);
  expect(page.match(/<svg/g)).toHaveLength(1);
  expect(page).toContain("its probability");
});

test("what gates release is a table and a line for each policy", async () => {
  const page = await reproductionReport({ gate }, "a test");
  expect(titleOf(page)).toBe("What gates release");
  expect(page).toContain("70.0 ± 0.50");
  expect(page.match(/<svg/g)).toHaveLength(1);
  expect(page).toContain("gate, one by one");
});

test("Table 1 says what a gate rejected, and what of it was good", async () => {
  const harm = { count: 0, trials: 30, interval: [0, 0.31], size: { mean: 0, interval: null }, worst: 0 } as const;
  const share = { count: 13, trials: 30, interval: [0.07, 0.92] } as const;
  const good = { ...share, count: 11 };
  const gated = [
    { protocol: "rejection", updates: "own", violations: harm, rejected: share, goodRejected: good, loss: summary },
  ] as const;
  const page = await reproductionReport(
    { table1: { experiment: "table1", seeds: [0], rows: [], gated, remarks: [] } },
    "",
  );
  const cells = [
    "rejection",
    "its own",
    "0 of 30 (0 to 31 %)",
    "13 of 30 (7 to 92 %)",
    "11 of 30 (7 to 92 %)",
    "1.50 ± 0.50",
  ];
  expect(page.replaceAll(/<td[^>]*>/g, "<td>")).toContain(cells.map((cell) => `<td>${cell}</td>`).join(""));
});
