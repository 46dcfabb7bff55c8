import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkPipelineAgainstData, checkTeamModule } from "../../../services/data/check-pipeline.ts";
import { openDataSource } from "../../../services/data/open-data-source.ts";
import { trainerData } from "../../../services/data/visibility.ts";
import { protocolCatalog, requiringUpstream } from "../../../services/learning/protocols/all.ts";
import { type ParsedPipeline, parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem, type Problem } from "../../../services/pipeline/files/problem.ts";
import {
  checkTeamAgainstPipeline,
  type ParsedTeam,
  parseTeamFile,
} from "../../../services/pipeline/files/team-file.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");

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

function parsed<T extends object>(result: T): Exclude<T, { readonly problems: readonly Problem[] }> {
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result as Exclude<T, { readonly problems: readonly Problem[] }>;
}

const pipelineAt = async (file: string): Promise<ParsedPipeline> =>
  parsed(parsePipelineFile(await readFile(file, "utf8"), file));
const teamAt = async (file: string): Promise<ParsedTeam> =>
  parsed(parseTeamFile(await readFile(file, "utf8"), file, protocolCatalog));
const texts = (problems: readonly Problem[]) =>
  problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ""));

describe("the examples", () => {
  test.each(["paper", "ads"])(
    "%s: every pipeline file matches its data, and every team file the pipeline",
    async (example) => {
      const at = join(EXAMPLES, example);
      const pipeline = await pipelineAt(join(at, "pipeline.yaml"));
      const files = (await readdir(at)).filter((name) => name.endsWith(".yaml"));
      const pipelines = files.filter((name) => ["pipeline.yaml", "gated.yaml"].includes(name));
      for (const name of pipelines) {
        expect(await checkPipelineAgainstData(await pipelineAt(join(at, name)), join(at, name))).toEqual([]);
      }
      const teams = files.filter((name) => !pipelines.includes(name));
      expect(teams.length).toBeGreaterThan(1);
      for (const name of teams) {
        const team = await teamAt(join(at, name));
        expect(checkTeamAgainstPipeline(team, pipeline.pipeline, requiringUpstream)).toEqual([]);
        expect(await checkTeamModule(team)).toEqual([]);
      }
    },
  );

  test("ads: a team gets its rows, and the few bad rows are reported", async () => {
    const { pipeline } = await pipelineAt(join(EXAMPLES, "ads/pipeline.yaml"));
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

describe("checkPipelineAgainstData", () => {
  const problemsOf = async (text: string) => {
    await writeFile(path("changed.yaml"), text);
    return texts(await checkPipelineAgainstData(await pipelineAt(path("changed.yaml")), path("changed.yaml")));
  };

  test("reports columns that are missing in the data", async () => {
    expect(await problemsOf(PAPER.replace("[x2]", "[x9]"))).toEqual([
      'changed.yaml:5: components.m2.columns[0]: the data has no column "x9"; available: x1, x2, z, y; did you mean "x1"?',
    ]);
  });

  test("reports missing columns even if the file has other errors", async () => {
    const text = PAPER.replace("[x2], upstream: [m1]", "[x2, x9], upstream: [m1, m9]").replace(
      "rows: 100",
      "rows: 100, seeds: 3",
    );
    const result = parsePipelineFile(text, "changed.yaml");
    // Without a valid `data` section, no data can be compared.
    expect(result).not.toHaveProperty("readable");
    const inGraph = parsePipelineFile(text.replace(", seeds: 3", ""), "changed.yaml");
    if (!("problems" in inGraph) || inGraph.readable === undefined) throw new Error("expected problems");
    expect(texts(inGraph.problems)).toEqual([
      'changed.yaml:5: components.m2.upstream[1]: unknown component "m9"; available: m1, m2; did you mean "m1"?',
    ]);
    expect(texts(await checkPipelineAgainstData(inGraph.readable, path("changed.yaml")))).toEqual([
      'changed.yaml:5: components.m2.columns[1]: the data has no column "x9"; available: x1, x2, z, y; did you mean "x1"?',
    ]);
  });

  test("reports data that cannot be opened on the line that names it", async () => {
    const generator = await problemsOf(PAPER.replace("two-stage", "three-stage"));
    expect(generator).toHaveLength(1);
    expect(generator[0]).toContain('changed.yaml:2: data.generator: unknown generator "three-stage"');
    const data = "source: synthetic, generator: two-stage, rows: 100";
    expect(await problemsOf(PAPER.replace(data, "source: file, path: no.csv"))).toEqual([
      "changed.yaml:2: data.path: file not found or not readable: no.csv",
    ]);
  });
});

describe("a gate's parts of the held-out rows", () => {
  const problemsOf = async (gate: string, rows: number) => {
    await writeFile(path("gated.yaml"), `${PAPER.replace("rows: 100", `rows: ${rows}`)}gate: ${gate}\n`);
    return texts(await checkPipelineAgainstData(await pipelineAt(path("gated.yaml")), path("gated.yaml")));
  };

  test("must be large enough, or the number that is needed is reported", async () => {
    expect(await problemsOf("{}", 2000)).toEqual([]);
    expect(await problemsOf("{}", 300)).toEqual([
      "gated.yaml:6: gate.split: the screen part has 24 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough",
      "gated.yaml:6: gate.split: the confirm part has 14 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough",
      "gated.yaml:6: gate.split: the reserve part has 15 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough",
    ]);
  });

  test("have groups, which are counted", async () => {
    const rows = Array.from({ length: 4000 }, (_, i) => `${i % 400},${i},${i}`);
    await writeFile(path("grouped.csv"), `user,x,y\n${rows.join("\n")}\n`);
    await writeFile(
      path("grouped.yaml"),
      `pipeline: p
data: { source: file, path: grouped.csv, group: user }
components:
  m1: { columns: [x], output: { name: o }, target: y }
gate: { split: [0.5, 0.25, 0.25] }
`,
    );
    const found = texts(await checkPipelineAgainstData(await pipelineAt(path("grouped.yaml")), path("grouped.yaml")));
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(
      /^grouped\.yaml:5: gate\.split: the confirm part has \d+ held-out values of user, and needs at least 30; with about 192 held-out values of user, every part has enough$/,
    );
  });
});

test("checkTeamModule reports a missing module", async () => {
  await writeFile(path("team.yaml"), "component: m1\nmodel: { module: ./no-model.ts }\n");
  const team = await teamAt(path("team.yaml"));
  expect(texts(await checkTeamModule(team))).toEqual(["team.yaml:2: model.module: file not found: no-model.ts"]);
  await writeFile(path("no-model.ts"), "");
  expect(await checkTeamModule(team)).toEqual([]);
});
