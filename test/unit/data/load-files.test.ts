import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPipeline, loadTeam } from "../../../services/data/load-files.ts";
import { openDataSource } from "../../../services/data/open-data-source.ts";
import { trainerData } from "../../../services/data/visibility.ts";
import type { ProtocolRules } from "../../../services/pipeline/protocol-catalogue.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");

const RULES: ProtocolRules = {
  catalogue: {
    async: {},
    proximal: { lambda: { min: 0, default: 1 }, sigma: { min: 0, default: 0.15 } },
    causal: { source: { choices: ["auto", "oracle"], default: "auto" } },
  },
  requiringUpstream: new Set(["causal"]),
};

const PAPER = `pipeline: paper
data: { source: synthetic, generator: two-stage, rows: 100 }
components:
  m1: { columns: [x1], output: { name: z, width: 3 }, target: z }
  m2: { columns: [x2], upstream: [m1], output: { name: y }, target: y }
`;

let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-files-test-"));
  await writeFile(path("paper.yaml"), PAPER);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function messageOf(action: Promise<unknown>): Promise<string> {
  await expect(action).rejects.toMatchObject({ name: "UncoupleError", code: "invalid-argument" });
  const error = (await action.catch((thrown: unknown) => thrown)) as Error;
  return error.message.replaceAll(`${folder}/`, "");
}

describe("the examples", () => {
  test.each(["paper", "ads"])("%s: the pipeline fits its data, and every team file the pipeline", async (example) => {
    const at = join(EXAMPLES, example);
    const pipeline = await loadPipeline(join(at, "pipeline.yaml"));
    const teams = (await readdir(at)).filter((name) => name.endsWith(".yaml") && name !== "pipeline.yaml");
    expect(teams.length).toBeGreaterThan(1);
    for (const team of teams) {
      const { component } = await loadTeam(join(at, team), pipeline, RULES);
      expect(pipeline.components.map(({ name }) => name)).toContain(component);
    }
  });

  test("ads: each team gets its rows, and the few bad ones are named", async () => {
    const pipeline = await loadPipeline(join(EXAMPLES, "ads/pipeline.yaml"));
    const source = await openDataSource(pipeline.data, join(EXAMPLES, "ads"));
    try {
      const { training } = await trainerData(source, pipeline, "revenue");
      expect(Object.keys(training.table.columns)).not.toContain("clicked");
      expect(training.table.rows).toBeGreaterThan(1500);
      expect(training.bad.bad).toBeGreaterThan(0);
      expect(training.bad.examples.join("; ")).toMatch(/column (age: not a number \("n\/a"\)|price: missing)/);
    } finally {
      await source.close();
    }
  });
});

describe("loadPipeline", () => {
  test("one error lists everything that is wrong, each with file and line", async () => {
    await writeFile(path("wrong.yaml"), PAPER.replace("rows: 100", "rows: 1").replace("[m1]", "[m0]"));
    expect(await messageOf(loadPipeline(path("wrong.yaml")))).toBe(
      'wrong.yaml has 2 problems:\n  wrong.yaml:2: data.rows: must be at least 2, not 1\n  wrong.yaml:5: components.m2.upstream[0]: no component is called "m0"; did you mean "m1"?',
    );
  });

  test("what does not fit the data is found too", async () => {
    await writeFile(path("columns.yaml"), PAPER.replace("[x2]", "[x9]"));
    expect(await messageOf(loadPipeline(path("columns.yaml")))).toBe(
      'columns.yaml:5: components.m2.columns[0]: the data has no column "x9"; did you mean "x1"? (it has x1, x2, z, y)',
    );
    await writeFile(path("generator.yaml"), PAPER.replace("two-stage", "three-stage"));
    expect(await messageOf(loadPipeline(path("generator.yaml")))).toContain(
      'generator.yaml:2: data.generator: there is no generator "three-stage"',
    );
    await writeFile(
      path("missing.yaml"),
      PAPER.replace("source: synthetic, generator: two-stage, rows: 100", "source: file, path: no.csv"),
    );
    expect(await messageOf(loadPipeline(path("missing.yaml")))).toBe(
      "missing.yaml:2: data.path: there is no readable file no.csv",
    );
  });

  test("a file that is not there, a folder, and one that is far too large", async () => {
    expect(await messageOf(loadPipeline(path("none.yaml")))).toBe("none.yaml: there is no such file");
    expect(await messageOf(loadPipeline(folder))).toContain("is a folder, not a file");
    await writeFile(path("huge.yaml"), "#".repeat(2_000_000));
    expect(await messageOf(loadPipeline(path("huge.yaml")))).toContain("huge.yaml: is larger than 1048576 bytes");
  });
});

describe("loadTeam", () => {
  test("checks the team against its pipeline, and that a module is there", async () => {
    const pipeline = await loadPipeline(path("paper.yaml"));
    await writeFile(path("team.yaml"), "component: m1\nmodel: { module: ./no-model.ts }\nprotocol: causal\n");
    expect(await messageOf(loadTeam(path("team.yaml"), pipeline, RULES))).toBe(
      "team.yaml has 2 problems:\n  team.yaml:3: protocol: causal is for a component that consumes predictions; m1 reads from no other component\n  team.yaml:2: model.module: there is no file no-model.ts",
    );
    await writeFile(path("no-model.ts"), "");
    await writeFile(path("team.yaml"), "component: m1\nmodel: { module: ./no-model.ts }\n");
    expect((await loadTeam(path("team.yaml"), pipeline, RULES)).model).toEqual({
      kind: "module",
      path: path("no-model.ts"),
    });
  });
});
