import { describe, expect, test } from "vitest";
import { releaseRulesOf } from "../../../services/pipeline/documents/gate-schema.ts";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { contentOf, type PipelineContent } from "../../../services/pipeline/pipeline-content.ts";
import { releaseRules } from "../../../services/releases/release-rules.ts";
import { createReleaseWorld, ENFORCE } from "../../helpers/release-world.ts";

/** What the registry has of a pipeline file, after its way through JSON. */
function applied(keys: string) {
  const parsed = parsePipelineFile(
    `pipeline: p
data: { source: file, path: rows.csv, key: id }
slices: [device]
components:
  revenue: { columns: [x], upstream: [click], output: { name: y }, target: r }
  click: { columns: [x], output: { name: c }, target: t }
${keys}
`,
    "p.yaml",
  );
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { pipeline } = parsed;
  return { pipeline, content: JSON.parse(JSON.stringify(contentOf(pipeline))) as PipelineContent };
}

describe("the rules of an applied pipeline file", () => {
  test("are those that were parsed, with the components in topological order", () => {
    const { pipeline, content } = applied(
      `gate: { mode: enforce, margin: 0.5 %, guards: { click: 1 % }, slices: [device], hold: [revenue] }
freeze: [{ from: 2026-12-20, to: 2027-01-04T08:00Z, reason: holidays }, { weekly: fri 16:00 - mon 08:00 }]`,
    );
    expect(releaseRulesOf(content)).toEqual({
      components: ["click", "revenue"],
      gate: pipeline.gate,
      freeze: pipeline.freeze,
    });
  });

  test("are none without the keys", () => {
    expect(releaseRulesOf(applied("").content)).toEqual({
      components: ["click", "revenue"],
      gate: undefined,
      freeze: [],
    });
  });

  test("keep what a later version adds to them, and name what this one cannot read", () => {
    const { content } = applied("gate: { mode: enforce }");
    const gate = content.gate as object;
    expect(releaseRulesOf({ ...content, gate: { ...gate, later: 1 } }).gate).toHaveProperty("later", 1);
    expect(() => releaseRulesOf({ ...content, gate: { ...gate, mode: "later" } })).toThrow(
      /not a valid pipeline file in force: gate\.mode/,
    );
  });
});

test("where no file was ever applied, the components are those that have published, without a gate", async () => {
  const world = createReleaseWorld();
  await world.judged("m2", 2);
  await world.judged("m1", 1);
  expect(await releaseRules(world.backplane)).toEqual({ components: ["m2", "m1"], gate: undefined, freeze: [] });
  await world.apply({ gate: ENFORCE });
  expect(await releaseRules(world.backplane)).toEqual({ components: ["m1", "m2"], gate: ENFORCE, freeze: [] });
});
