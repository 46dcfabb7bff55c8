import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { openPipelineData } from "../../../services/data/read-pipeline.ts";
import { checkTrainerWall } from "../../../services/data/wall.ts";
import { type ParsedPipeline, parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../services/pipeline/files/problem.ts";
import { accessWith, reading } from "./reading.ts";

/** The block of this language in docs/data.md that contains a text. */
export async function documented(language: string, text: string): Promise<string> {
  const docs = await readFile(join(import.meta.dirname, "../../../docs/data.md"), "utf8");
  const blocks = [...docs.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, block]) => block,
  );
  const found = blocks.find((block) => block?.includes(text));
  if (found === undefined) throw new Error(`docs/data.md has no ${language} with ${text}`);
  return found;
}

/** A pipeline file without problems. */
export const parsed = (text: string): ParsedPipeline => {
  const result = parsePipelineFile(text, "p.yaml");
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result;
};

export type Env = Readonly<Record<string, string>>;

/** What doctor finds with these variables as the trainer of click, by place. */
export async function wallOf(pipeline: ParsedPipeline, env: Env): Promise<Readonly<Record<string, string>>> {
  const findings = await checkTrainerWall(pipeline, "/nowhere/p.yaml", accessWith(env), "click");
  for (const { detail } of findings) expect(detail).not.toMatch(/change-me|canary/);
  return Object.fromEntries(findings.map(({ place, state }) => [place, state]));
}

/** Whose credentials are used. */
type Reader = "evaluator" | { readonly trainer: string };

/** The keys of the rows that a reader sees, held-out ones for the evaluator. */
export async function idsOf(pipeline: ParsedPipeline, env: Env, reader: Reader): Promise<readonly string[]> {
  const { source } = await openPipelineData(pipeline, "/nowhere/p.yaml", accessWith(env), reader);
  const rows = await (reader === "evaluator" ? source.heldOutRows([], ["id"]) : source.sampleRows([], ["id"], 9_999));
  await source.close();
  return [...(rows.labels.id?.dictionary ?? [])].sort();
}

/** The keys that a test fraction of 0.2 holds out of a table. */
export const hashedIds = (url: string, table: string) =>
  reading(
    { url: { env: "ADS_DB" }, table },
    accessWith({ ADS_DB: url }),
    async (source) => [...((await source.heldOutRows([], ["id"])).labels.id?.dictionary ?? [])].sort(),
    { testFraction: 0.2 },
  );
