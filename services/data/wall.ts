import { dirname, resolve } from "node:path";
import { asUncoupleError } from "../common/errors.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { sourceFor } from "../pipeline/data-reader.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import { keyColumns } from "../pipeline/hashed-keys.ts";
import type { DatabaseUrl, Pipeline, RowPlace, StoredSource } from "../pipeline/pipeline.ts";
import { visibleColumns } from "../pipeline/visible-columns.ts";
import { type ReadAttempt, readOneRow } from "./file/read-one-row.ts";
import { openPipelineData } from "./read-pipeline.ts";
import type { DataAccess } from "./source/data-access.ts";

/** What was found about one place of rows. */
export interface WallFinding {
  /** The key of the pipeline file that names the place. */
  readonly place: string;
  /** `leak`: rows or columns can be read that must not; `unenforced`: only this process withholds them. */
  readonly state: "sound" | "leak" | "unenforced" | "broken" | "unknown";
  /** One line, to follow the place. */
  readonly detail: string;
}

/** All columns that the trainer of a component reads: those that its team may see, and those that identify rows. */
export function readableColumns(pipeline: Pipeline, component: string): readonly string[] {
  const { audit, data } = pipeline;
  const time = data.source === "synthetic" ? undefined : data.time?.column;
  return [
    ...new Set([
      ...visibleColumns(pipeline, component),
      ...keyColumns(pipeline),
      ...(time === undefined ? [] : [time]),
      // Samples of training rows may name them.
      ...(pipeline.slices ?? []),
      ...(audit?.rows === undefined ? [] : (audit.columns ?? [])),
    ]),
  ];
}

/**
 * Checks what can be read with the credentials of this process, which should be those of a component's trainer: its own rows,
 * with no column that it may not see, and no held-out row.
 * @param path of the pipeline file
 * @throws UncoupleError `not-found` for an unknown component
 */
export async function checkTrainerWall(
  parsed: ParsedPipeline,
  path: string,
  access: DataAccess,
  component: string,
): Promise<readonly WallFinding[]> {
  const { pipeline } = parsed;
  const { data } = pipeline;
  const view = componentNamed(pipeline, component).data;
  if (data.source === "synthetic") return [];
  const findings = [await checkOwnRows(parsed, path, access, component)];
  const baseDir = dirname(resolve(path));
  const urls = [view, data].flatMap((place) => (place?.source === "database" ? [place.url] : []));
  const check = async (place: RowPlace, setting: string, what: string) =>
    closed(setting, what, await tryAll(place, urls, baseDir, access));
  if (view !== undefined) findings.push(await check(data, "data", `rows with columns that ${component} may not see`));
  if (typeof data.heldOut === "object") {
    findings.push(await check(data.heldOut, "data.held_out", "held-out rows"));
  } else {
    const detail = "held-out rows are among the rows of data, and only this process withholds them from trainers";
    findings.push({ place: "held-out rows", state: "unenforced", detail });
  }
  return findings;
}

/** Checks that an evaluator's credentials, which this process should have, can read the held-out rows. */
export async function checkEvaluatorWall(
  parsed: ParsedPipeline,
  path: string,
  access: DataAccess,
): Promise<readonly WallFinding[]> {
  const { setting: place } = sourceFor(parsed.pipeline, "evaluator");
  try {
    const { source } = await openPipelineData(parsed, path, access, "evaluator");
    await source.close();
    return [{ place, state: "sound", detail: "can be read" }];
  } catch (thrown) {
    return [broken(place, thrown)];
  }
}

async function checkOwnRows(
  parsed: ParsedPipeline,
  path: string,
  access: DataAccess,
  component: string,
): Promise<WallFinding> {
  const { setting: place } = sourceFor(parsed.pipeline, { trainer: component });
  try {
    const { source, schema } = await openPipelineData(parsed, path, access, { trainer: component });
    const names = [...schema.map(({ name }) => name), ...source.unreadable().keys()];
    await source.close();
    const allowed = readableColumns(parsed.pipeline, component);
    const others = names.filter((name) => !allowed.includes(name));
    if (others.length === 0) return { place, state: "sound", detail: `has only columns that ${component} may see` };
    const columns = `columns that ${component} may not see: ${others.join(", ")}`;
    return place === "data"
      ? { place, state: "unenforced", detail: `has ${columns}; only this process withholds them` }
      : { place, state: "leak", detail: `has ${columns}` };
  } catch (thrown) {
    return broken(place, thrown);
  }
}

function broken(place: string, thrown: unknown): WallFinding {
  const error = asUncoupleError(thrown);
  if (error.code === "internal") throw error;
  return { place, state: "broken", detail: `cannot be read: ${error.message.replaceAll("\n", "; ")}` };
}

/** Tries a place with the credentials that it names, and its table with all others that the trainer has. */
async function tryAll(
  place: RowPlace | StoredSource,
  urls: readonly DatabaseUrl[],
  baseDir: string,
  access: DataAccess,
): Promise<readonly ReadAttempt[]> {
  const own: RowPlace = place;
  const attempts = [await readOneRow(own, baseDir, access)];
  if (own.source !== "database") return attempts;
  const tried = new Set([JSON.stringify(own.url)]);
  for (const url of urls) {
    if (tried.has(JSON.stringify(url))) continue;
    tried.add(JSON.stringify(url));
    attempts.push(await readOneRow({ ...own, url }, baseDir, access));
  }
  return attempts;
}

function closed(place: string, what: string, attempts: readonly ReadAttempt[]): WallFinding {
  if (attempts.some(({ outcome }) => outcome === "read")) {
    return { place, state: "leak", detail: `${what} can be read with the credentials here` };
  }
  const unknown = attempts.find(({ outcome }) => outcome === "unknown");
  if (unknown !== undefined) return { place, state: "unknown", detail: unknown.why };
  return { place, state: "sound", detail: `cannot be read: ${attempts.map(({ why }) => why).join("; ")}` };
}
