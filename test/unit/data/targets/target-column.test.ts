import { describe, expect, it } from "vitest";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { Column, NumericColumn, Table } from "../../../../services/data/table/table.ts";
import { targetColumn } from "../../../../services/data/targets/target-column.ts";
import type { Component } from "../../../../services/pipeline/pipeline.ts";
import { targetColumns } from "../../../../services/pipeline/visible-columns.ts";

const logged: Component = {
  name: "m2",
  columns: ["x2"],
  upstream: [],
  output: { name: "p", width: 3, meaning: "probabilities", classes: ["buy", "hold", "sell"] },
  loss: "policy",
  target: "reward",
  logged: { action: "action", propensity: "propensity" },
};
const numbers = (...values: number[]): Column => ({ kind: "numeric", width: 1, values: Float32Array.from(values) });
const tableOf = (action: Column, propensity = numbers(0.5, 0.25)): Table => ({
  rows: 2,
  columns: { action, propensity, reward: numbers(1, 3) },
});

describe("targets of logged actions", () => {
  it("are the mean reward, corrected at the action taken by the reward's deviation over the propensity", () => {
    const expected = [2, 2, 0, 6, 2, 2];
    expect([...(targetColumn(logged, tableOf(numbers(2, 0))) as NumericColumn).values]).toEqual(expected);
    const texts: Column = {
      kind: "categorical",
      width: 1,
      dictionary: ["sell", "buy"],
      codes: Int32Array.of(0, 1),
    };
    expect([...(targetColumn(logged, tableOf(texts)) as NumericColumn).values]).toEqual(expected);
  });

  it("use three columns", () => {
    expect(targetColumns(logged)).toEqual(["reward", "action", "propensity"]);
    const { logged: _logged, ...plain } = logged;
    expect(targetColumns(plain)).toEqual(["reward"]);
  });

  it.each([
    [tableOf(numbers(2, 3)), /target column action: row 2 is not one of the 3 actions/],
    [tableOf(numbers(0.5, 0)), /target column action: row 1 is not one of the 3 actions/],
    [tableOf(numbers(1, 1), numbers(0.5, 0)), /target column propensity: row 2 is 0/],
    [tableOf(numbers(1, 1), numbers(1.5, 1)), /target column propensity: row 1 is 1\.5/],
    [{ rows: 2, columns: { reward: numbers(1, 2) } }, /target column action not found in the data/],
  ])("are rejected with the row of an invalid action or propensity", (table, message) => {
    expect(() => targetColumn(logged, table)).toThrow(message);
  });

  it("are unbiased for every action under a logging policy that depends on the row", async () => {
    const source = createSyntheticSource({
      source: "synthetic",
      generator: "policy",
      seed: 3,
      rows: 60_000,
      testFraction: 0.1,
    });
    const { table } = await source.trainingRows(["rewards", "action", "reward", "propensity", "x2"]);
    const component: Component = { ...logged, output: { name: "p", width: 4, meaning: "probabilities" } };
    const estimate = (targetColumn(component, table) as NumericColumn).values;
    const truth = (table.columns.rewards as NumericColumn).values;
    for (let a = 0; a < 4; a++) {
      let [sum, squares] = [0, 0];
      for (let row = 0; row < table.rows; row++) {
        // Weighted by x2's coordinate, on which the logging policy depends.
        const weight = (table.columns.x2 as NumericColumn).values[row * 5 + a] as number;
        const error = weight * ((estimate[row * 4 + a] as number) - (truth[row * 4 + a] as number));
        sum += error;
        squares += error * error;
      }
      const standardError = Math.sqrt(squares) / table.rows;
      expect(Math.abs(sum / table.rows)).toBeLessThan(4 * standardError);
      expect(standardError).toBeLessThan(0.05);
    }
    await source.close();
  });
});
