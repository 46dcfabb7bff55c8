import { createRandom } from "../../services/data/random/random.ts";
import type { CategoricalColumn, NumericColumn, Table } from "../../services/data/table/table.ts";
import type { TestSubject } from "../../services/learning/model-tests/subject.ts";
import type { Component } from "../../services/pipeline/pipeline.ts";
import { component } from "./linear-pipelines.ts";

/** A row of `planted`: a price in [0, 10), a bid in [0, 1), and a country, of which 30 % are DE. */
export interface PlantedRow {
  readonly price: number;
  readonly bid: number;
  readonly country: string;
}

const COUNTRIES = ["DE", "US", "UK"];

/** Random rows, and the target `demand` = 10 - price + noise of the standard deviation `noise`. */
export function plantedTable(rows: number, seed = 1, noise = 1): { readonly table: Table; readonly targets: Table } {
  const random = createRandom(seed, "planted");
  const price = new Float32Array(rows);
  const bid = new Float32Array(rows);
  const demand = new Float32Array(rows);
  random.fillUniform(price);
  random.fillUniform(bid);
  random.fillGaussian(demand, noise);
  const codes = Int32Array.from({ length: rows }, () => {
    const share = random.uniform();
    return share < 0.3 ? 0 : share < 0.7 ? 1 : 2;
  });
  const numeric = (values: Float32Array): NumericColumn => ({ kind: "numeric", width: 1, values });
  const scaled = price.map((value) => 10 * value);
  const country: CategoricalColumn = { kind: "categorical", width: 1, codes, dictionary: COUNTRIES };
  return {
    table: { rows, columns: { price: numeric(scaled), bid: numeric(bid), country } },
    targets: { rows, columns: { y: numeric(demand.map((value, row) => value + 10 - (scaled[row] as number))) } },
  };
}

/** A model that is a function of a row. @param width of its output */
export function predictorOf(model: (row: PlantedRow) => number | readonly number[]): TestSubject["predict"] {
  return async ({ rows, columns }) => {
    const { price, bid } = columns as Record<string, NumericColumn>;
    const { codes, dictionary } = columns.country as CategoricalColumn;
    const outputs = Array.from({ length: rows }, (_, row) =>
      model({
        price: price?.values[row] as number,
        bid: bid?.values[row] as number,
        country: dictionary[codes[row] as number] as string,
      }),
    );
    return Float32Array.from(outputs.flat());
  };
}

/** A model under test on planted rows; its loss is the squared error of `y`. */
export function subjectOf(
  model: (row: PlantedRow) => number | readonly number[],
  change: { readonly rows?: number; readonly seed?: number; readonly output?: Component["output"] } & Partial<
    Pick<TestSubject, "previous" | "groupings" | "labels">
  > = {},
): TestSubject {
  const { rows = 2000, seed = 1, output = { name: "demand", width: 1, meaning: "scalar" }, ...rest } = change;
  return {
    ...plantedTable(rows, seed),
    labels: {},
    groupings: [],
    component: component({ name: "click", columns: ["price", "bid", "country"], output }),
    predict: predictorOf(model),
    ...rest,
  };
}
