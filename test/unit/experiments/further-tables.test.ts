import { expect, test } from "vitest";
import { furtherTables } from "../../../services/experiments/further-tables.ts";

test("numbers beyond their digits are written out, without an exponent", () => {
  const summaries = [
    { mean: 279.4, std: 231.2 },
    { mean: 0.4751, std: 0.271 },
    { mean: 999.7, std: 99.7 },
    { mean: 2.38e-5, std: 8e-6 },
  ];
  const rows = summaries.map((summary) => ({ ...summary, values: [], shape: "chain", protocol: "async" }) as const);
  const [table] = furtherTables({ dag: { experiment: "dag", seeds: [0, 1], rows } });
  expect(table?.rows.map((row) => row.at(-1))).toEqual(["279 ± 231", "0.475 ± 0.27", "1000 ± 100", "2.4e-5 ± 8.0e-6"]);
});
