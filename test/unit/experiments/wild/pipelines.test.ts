import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { openFileSource } from "../../../../services/data/file/file-source.ts";
import { wildMethods } from "../../../../services/experiments/wild/methods/all.ts";
import { wildPipelines } from "../../../../services/experiments/wild/pipelines/all.ts";
import { counterfactualSourceNames } from "../../../../services/learning/counterfactual/source-names.ts";
import { protocols } from "../../../../services/learning/protocols/all.ts";

const benchmark = join(import.meta.dirname, "../../../../benchmark");

describe.each(wildPipelines.map((pipeline) => [pipeline.name, pipeline] as const))(
  "the pipeline %s",
  (name, pipeline) => {
    it("has a table with every column, and numbers where a component predicts numbers", async () => {
      const path = join(benchmark, "data", `${name}.csv`);
      const source = await openFileSource(
        { source: "file", path, key: "row", testFraction: 0.3, maxBadFraction: 0 },
        benchmark,
      );
      try {
        const { components } = pipeline;
        const targets = components.map(({ target }) => target);
        const { table } = await source.trainingRows([...components.flatMap(({ columns }) => columns), ...targets]);
        for (const { loss, target } of components) {
          expect(table.columns[target]?.kind, target).toBe(loss === "mse" ? "numeric" : "categorical");
        }
        expect(pipeline.audited).toBeLessThan(0.5 * table.rows);
        const rows = table.rows + (await source.heldOutRows(targets)).table.rows;
        expect(
          new Set(
            (await readFile(path, "utf8"))
              .trim()
              .split("\n")
              .slice(1)
              .map((line) => line.split(",")[0]),
          ).size,
        ).toBe(rows);
      } finally {
        await source.close();
      }
    });

    it("hides every intermediate value: no component reads the target of another", () => {
      const targets = pipeline.components.map(({ target }) => target);
      for (const { columns } of pipeline.components)
        expect(columns.filter((column) => targets.includes(column))).toEqual([]);
      // Only real values become right by replacing predictions with them.
      expect(pipeline.components.slice(0, -1).map(({ loss }) => loss)).not.toContain("cross-entropy");
    });
  },
);

test("every table is used, and benchmark/README.md names its source and license", async () => {
  const names = wildPipelines.map(({ name }) => name).sort();
  expect((await readdir(join(benchmark, "data"))).sort()).toEqual(names.map((name) => `${name}.csv`));
  const readme = await readFile(join(benchmark, "README.md"), "utf8");
  for (const name of names) expect(readme, name).toMatch(new RegExp(`^\\| \`${name}\` \\|.*\\|.*\\|.*\\|$`, "m"));
});

test("the methods are every protocol and every counterfactual source that real data can have", () => {
  const names = wildMethods.map(({ name }) => name);
  expect(new Set(names.map((name) => name.split(":")[0]))).toEqual(new Set(protocols.map(({ name }) => name)));
  const sources = counterfactualSourceNames.filter((name) => name !== "oracle").map((name) => `causal:${name}`);
  expect(names.filter((name) => name.startsWith("causal:")).sort()).toEqual(sources.sort());
});
