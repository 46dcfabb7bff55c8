import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { StoredTable } from "../../../../services/data/spill/stored-table.ts";
import type { Column, Table } from "../../../../services/data/table/table.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { type CounterfactualEvidence, gatherEvidence } from "../../../../services/learning/counterfactual/evidence.ts";
import { chooseSource, prepareCalibrated } from "../../../../services/learning/counterfactual/prepare.ts";
import { encodeDataset } from "../../../../services/learning/dataset/encoded-dataset.ts";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";
import { spillTests } from "../../../helpers/spilled-tables.ts";

const unusedEngine: Engine = {
  name: "none",
  reason: "selected",
  clock: createVirtualClock(),
  prepare: () => Promise.reject(new UncoupleError("internal", "choosing a source fits nothing")),
};

const component = (name: string, columns: string[], upstream: string[], target: string): Component => ({
  name,
  columns,
  upstream,
  output: { name: `${name}-output`, width: 1, meaning: "real" },
  loss: "mse",
  target,
});

const pipeline: Pipeline = {
  name: "diamond",
  components: [
    component("left", ["x1"], [], "z1"),
    component("right", ["x1"], [], "z2"),
    component("join", ["x2"], ["left", "right"], "y"),
  ],
  objective: "join",
  data: { source: "synthetic", generator: "diamond", seed: 1, rows: 100, testFraction: 0.5 },
};

const { spill } = spillTests();

const numbers = (rows: number, value: (row: number) => number): Column => ({
  kind: "numeric",
  width: 1,
  values: Float32Array.from({ length: rows }, (_, row) => value(row)),
});

function tableOf(rows: number, names: readonly string[], x2Levels: number): Table {
  const columns = names.map((name, k): [string, Column] => [
    name,
    numbers(rows, (row) => (name === "x2" ? row % x2Levels : Math.sin((row + 1) * (k + 1)))),
  ]);
  return { rows, columns: Object.fromEntries(columns) };
}

interface Case {
  readonly audited?: readonly string[];
  readonly auditRows?: number;
  readonly x2Levels?: number;
  readonly extent?: CounterfactualEvidence["extent"];
  readonly oracle?: boolean;
  /** Where the training rows are; default: in memory. */
  readonly store?: (table: Table) => Promise<StoredTable>;
}

async function evidenceOf(given: Case) {
  const { audited, auditRows = 40, x2Levels = 200, extent = "values", oracle = false } = given;
  const { store = async (rows: Table) => rows } = given;
  const visible = ["x1", "x2", "y"];
  const outputs = (rows: number) => tableOf(rows, ["left-output", "right-output"], 1);
  const table = await store(tableOf(200, visible, x2Levels));
  const join = pipeline.components[2] as Component;
  return gatherEvidence({
    pipeline,
    dataset: await encodeDataset(join, table, await store(outputs(200))),
    table,
    extent,
    fit: { engine: unusedEngine, seed: 1 },
    ...(audited !== undefined && {
      audit: tableOf(auditRows, [...visible, ...audited], x2Levels),
      auditImputed: outputs(auditRows),
    }),
    ...(oracle && { oracle: { inputs: [], layers: [] } }),
  });
}

const refusal = async (name: string, given: Case): Promise<UncoupleError> => {
  try {
    chooseSource(name, await evidenceOf(given));
  } catch (thrown) {
    if (thrown instanceof UncoupleError) return thrown;
  }
  throw new Error(`${name} was not rejected`);
};

describe("the counterfactual output", () => {
  it("cannot be identified by any source from (x1, x2, y) alone; the error says why and what to do", async () => {
    for (const name of ["auto", "pooled", "calibration", "residualized", "audit-direct", "matching"]) {
      const error = await refusal(name, {});
      expect(error.code).toBe("failed-precondition");
      expect(error.message).toMatch(/the pipeline file does not define an audit sample/);
      expect(error.message).toMatch(/inputs, imputed values and target alone are not sufficient.*audit:/s);
    }
    expect((await refusal("oracle", {})).message).toMatch(
      /needs the data-generating function.*does not provide a data-generating function/s,
    );
  });

  it("is identified by an audit sample that annotates the targets of all upstream components", async () => {
    expect((await refusal("auto", { audited: ["z1"] })).message).toMatch(/does not annotate z2, the target of right/);
    expect(chooseSource("auto", await evidenceOf({ audited: ["z1", "z2"] })).name).toBe("pooled");
    for (const name of ["pooled", "calibration", "residualized", "audit-direct"]) {
      expect(chooseSource(name, await evidenceOf({ audited: ["z1", "z2"] })).name).toBe(name);
    }
  });

  it("accepts the former spelling of a source, which stored runs may contain", async () => {
    expect(chooseSource("residualised", await evidenceOf({ audited: ["z1", "z2"] })).name).toBe("residualized");
  });

  it("comes from the oracle if there is one, with or without audited rows", async () => {
    expect(chooseSource("auto", await evidenceOf({ oracle: true })).name).toBe("oracle");
    expect(chooseSource("auto", await evidenceOf({ oracle: true, audited: ["z1", "z2"] })).name).toBe("oracle");
  });

  it("cannot be identified by a handful of audited rows", async () => {
    const error = await refusal("calibration", { audited: ["z1", "z2"], auditRows: 19 });
    expect(error.message).toMatch(/has 19 rows; at least 20 are required/);
  });

  it("is estimated by matching only for discrete own columns, and only at the imputed values", async () => {
    const audited = ["z1", "z2"];
    expect((await refusal("matching", { audited })).message).toMatch(/take 200 distinct values in 200 rows/);
    expect((await refusal("matching", { audited, x2Levels: 4, extent: "function" })).message).toMatch(
      /not at perturbed ones/,
    );
    expect(chooseSource("matching", await evidenceOf({ audited, x2Levels: 4 })).name).toBe("matching");
  });

  it("is not estimated by matching from rows in files, and auto chooses a source that streams", async () => {
    const from = { audited: ["z1", "z2"], x2Levels: 4, store: spill };
    expect((await refusal("matching", from)).message).toMatch(
      /: matching needs all training rows in memory; raise --memory-limit$/,
    );
    expect(chooseSource("auto", await evidenceOf(from)).name).toBe("pooled");
  });

  it("requires an audit sample for calibrated inputs, too", async () => {
    await expect(prepareCalibrated(await evidenceOf({}))).rejects.toThrow(
      /calibrating its inputs requires annotated rows/,
    );
  });
});
