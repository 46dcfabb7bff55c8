import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Document, parse } from "yaml";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { contentOf, digestOf } from "../../../services/pipeline/pipeline-content.ts";

const examples = join(import.meta.dirname, "../../../examples");

function digest(text: string): string {
  const parsed = parsePipelineFile(text, "p.yaml");
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  return digestOf(contentOf(parsed.pipeline));
}

// A digest is stored in manifests, verdicts and histories: if one of these changes, every service is refused by its store.
test.each([
  ["paper", "151ae6d3264e055e718be42c2985d1b7d4b269ba22340a4f78aa8ce5756c72bb"],
  ["ads", "463c3bea79cb3e1a5715de4dc3cce7d1cd1c36b37c34ada50519fe9540f503cb"],
])("the digest of the example %s is the same in every version", async (name, expected) => {
  expect(digest(await readFile(join(examples, name, "pipeline.yaml"), "utf8"))).toBe(expected);
});

test("the digest of the example paper without its audited rows is that of version 0.1.0", async () => {
  const text = await readFile(join(examples, "paper", "pipeline.yaml"), "utf8");
  expect(digest(text.replace(/^audit: .*\n/m, ""))).toBe(
    "ccc928173670c0ec4da700c7cbd15042674caee801f7408371d9619372c7f416",
  );
});

const ADS = `pipeline: ads
data: { source: file, path: ads.csv, key: impression }
components:
  click: { columns: [age], output: { name: p, meaning: probabilities, classes: [no, yes] }, target: clicked }
  revenue: { columns: [price], upstream: [click], output: { name: r }, target: revenue }
`;

test.each([
  ["comments and formatting", `# Advertising\n${ADS.replace("  revenue: ", "\n  # The objective.\n  revenue:   ")}`],
  ["the path of the data", ADS.replace("ads.csv", "/mnt/other/ads.parquet")],
  ["defaults that are written out", ADS.replace("target: revenue", "target: revenue, loss: mse")],
  ["the default objective", `${ADS}objective: revenue\n`],
  ["what a consumer expects", ADS.replace("[click]", "[{ component: click, width: 2 }]")],
])("%s do not belong to the digest", (_, text) => {
  expect(text).not.toBe(ADS);
  expect(digest(text)).toBe(digest(ADS));
});

test.each([
  ["the name", ADS.replace("pipeline: ads", "pipeline: ad")],
  ["the split", ADS.replace("key: impression", "key: impression, test_fraction: 0.3")],
  ["the order of classes", ADS.replace("[no, yes]", "[yes, no]")],
  ["a column", ADS.replace("[age]", "[age, hour]")],
  ["a target", ADS.replace("target: revenue", "target: profit")],
])("%s belongs to the digest", (_, text) => {
  expect(text).not.toBe(ADS);
  expect(digest(text)).not.toBe(digest(ADS));
});

test("the order of keys does not belong to the digest", () => {
  const reordered = (value: unknown, random: () => number): unknown => {
    if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, field]) => ({ key, field, at: random() }));
    entries.sort((a, b) => a.at - b.at);
    return Object.fromEntries(entries.map(({ key, field }) => [key, reordered(field, random)]));
  };
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
      const random = () => stream.next().value ?? 0;
      expect(digest(new Document(reordered(parse(ADS), random)).toString())).toBe(digest(ADS));
    }),
    { numRuns: 20 },
  );
});
