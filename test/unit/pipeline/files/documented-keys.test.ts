import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { protocolCatalog } from "../../../../services/learning/protocols/all.ts";

const { keys } = vi.hoisted(() => ({ keys: new Set<string>() }));
// Every mapping of a pipeline or team file has a strict schema: this notes the keys that they are made of.
vi.mock("../../../../services/pipeline/files/schema.ts", async (original) => {
  const real = await original<typeof import("../../../../services/pipeline/files/schema.ts")>();
  return {
    ...real,
    strict(shape: Parameters<typeof real.strict>[0]) {
      for (const key of Object.keys(shape)) keys.add(key);
      return real.strict(shape);
    },
  };
});
const { parsePipelineFile } = await import("../../../../services/pipeline/files/pipeline-file.ts");
const { parseTeamFile } = await import("../../../../services/pipeline/files/team-file.ts");

const text = await readFile(join(import.meta.dirname, "../../../../docs/pipeline-file.md"), "utf8");
const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block ?? "");
const named = (name: string) => blocks.find((block) => block.startsWith(`# ${name}\n`)) ?? "";

test("docs/pipeline-file.md has every key of pipeline files and team files", () => {
  // A key is written as code.
  const code = [...blocks, ...[...text.matchAll(/`[^`\n]+`/g)].map(([span]) => span)].join("\n");
  const missing = [...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(code));
  expect(keys.size).toBeGreaterThan(100);
  expect(missing.join(" ")).toBe("");
});

test("the files of docs/pipeline-file.md are valid", () => {
  expect(parsePipelineFile(named("pipeline.yaml"), "pipeline.yaml")).toHaveProperty("pipeline.name", "ads");
  const parsed = parseTeamFile(named("click.yaml"), "click.yaml", protocolCatalog);
  expect("problems" in parsed ? parsed.problems : []).toEqual([]);
  const [own = ""] = named("click.yaml").split("\n\n");
  expect(parseTeamFile(own, "click.yaml", protocolCatalog)).toEqual({
    ...parseTeamFile("component: click\nmodel: { hidden: [32] }\n", "click.yaml", protocolCatalog),
    map: expect.anything(),
  });
});

test("other data, and a component that chooses actions, are valid", () => {
  const others = blocks.find((block) => block.includes("source: synthetic")) ?? "";
  const component = others.slice(others.indexOf("offer:")).replaceAll(/^/gm, "  ");
  const data = others.split("\n").filter((line) => line.startsWith("data:"));
  expect(data).toHaveLength(2);
  for (const line of data) {
    const file = `pipeline: ads\n${line}\ncomponents:\n${component}`;
    expect(parsePipelineFile(file, "pipeline.yaml")).toHaveProperty("pipeline.components.0.loss", "policy");
  }
});
