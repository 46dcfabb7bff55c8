import { mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { asUncoupleError, type UncoupleError } from "../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../common/memory-budget.ts";
import { columnsFor, type DataReader, hasOwnHeldOut, sourceFor } from "../pipeline/data-reader.ts";
import type { ReadTests } from "../pipeline/files/model-tests.ts";
import type { ReadableParts } from "../pipeline/files/pipeline-file.ts";
import type { Problem } from "../pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../pipeline/files/schema-checks.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, type ReadableTeam } from "../pipeline/files/team-file.ts";
import { createReporter, type FileMap } from "../pipeline/files/yaml-file.ts";
import { groupColumns } from "../pipeline/group-columns.ts";
import { MOST_TESTED_ROWS, type ModelTest } from "../pipeline/model-test.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { partFaults } from "./held-out-parts.ts";
import { openDataSource } from "./open-data-source.ts";
import { nameOfSetting, ofSetting } from "./read-pipeline.ts";
import { sliceRows } from "./slice-rows.ts";
import type { DataAccess } from "./source/data-access.ts";
import type { DataSource } from "./source/data-source.ts";
import { removeSpill } from "./spill/spill-folder.ts";
import { isSpilled } from "./spill/stored-table.ts";
import type { ColumnSchema } from "./table/table.ts";
import { heldOutColumns } from "./visibility.ts";

/**
 * Checks a pipeline against its data, and a gate's parts of the held-out rows. Data that cannot be opened is a problem, too.
 * Of several places of rows, those that need credentials which are not here are left out, with a warning, unless all are.
 * @param path of the pipeline file; the path of the data is relative to it
 * @param access what other machines are read with; without it, only local files are
 */
export async function checkPipelineAgainstData(
  parsed: ReadableParts,
  path: string,
  access?: DataAccess,
): Promise<readonly Problem[]> {
  const checked: CheckedPlace[] = [];
  for (const reader of readersOf(parsed.pipeline)) checked.push(await checkPlace(parsed, path, access, reader));
  const closed = checked.flatMap(({ closed: why }) => why ?? []);
  const problems = [
    ...checked.flatMap((place) => place.problems),
    ...checkKinds(parsed, checked),
    ...checkOverlap(parsed, checked),
  ];
  if (closed.length === checked.length) return [...problems, ...closed];
  for (const { path: key, message } of closed) access?.warn(`not checked: ${key}: ${message}`);
  return problems;
}

/** What was found in one place of rows. */
interface CheckedPlace {
  readonly setting: string;
  readonly problems: readonly Problem[];
  /** Why it cannot be opened here; only what has its credentials can. */
  readonly closed?: Problem;
  /** Some keys of its rows: those with the smallest hashes. */
  readonly keys?: ReadonlySet<string>;
  readonly schema?: readonly ColumnSchema[];
}

/** One reader of each place. */
function readersOf(pipeline: ReadableParts["pipeline"]): readonly DataReader[] {
  const readers = pipeline.components.flatMap(({ name, from }) => (from === undefined ? [{ trainer: name }] : []));
  const bySetting = new Map<string, DataReader>();
  for (const reader of ["evaluator" as const, ...readers]) {
    const { setting } = sourceFor(pipeline, reader);
    if (!bySetting.has(setting)) bySetting.set(setting, reader);
  }
  return [...bySetting.values()];
}

async function checkPlace(
  parsed: ReadableParts,
  path: string,
  access: DataAccess | undefined,
  reader: DataReader,
): Promise<CheckedPlace> {
  const { pipeline, map } = parsed;
  const { spec, setting } = sourceFor(pipeline, reader);
  try {
    const source = await openDataSource(spec, dirname(resolve(path)), access);
    try {
      const checkedSource = { name: nameOfSetting(setting), columns: columnsFor(pipeline, reader) };
      const schema = await source.schema();
      const problems = checkPipelineAgainstSchema(parsed, schema, source.unreadable(), checkedSource);
      if (problems.length > 0) return { setting, problems };
      const keys = await someKeys(pipeline, source);
      if (reader !== "evaluator") return { setting, problems, keys, schema };
      const side = hasOwnHeldOut(pipeline) ? "held-out" : "training";
      const slices = await checkSlices(pipeline.tests ?? [], pipeline.slices ?? [], source, map, side);
      return { setting, problems: [...slices, ...(await checkHeldOutParts(parsed, source))], keys, schema };
    } finally {
      await source.close();
    }
  } catch (thrown) {
    const error = asUncoupleError(ofSetting(setting, thrown));
    if (error.code === "internal") throw error;
    // A message that starts with a key is about that key.
    const [, key = "data", message = error.message] =
      /^((?:data|split|components)(?:\.[\w-]+)+): (.*)$/s.exec(error.message) ?? [];
    const reporter = createReporter(map);
    reporter.report(key.split("."), message);
    const [problem] = reporter.problems as [Problem];
    return isClosed(asUncoupleError(thrown))
      ? { setting, problems: [], closed: problem }
      : { setting, problems: [problem] };
  }
}

/** Whether rows cannot be opened because their credentials are not here. */
function isClosed({ code, message }: UncoupleError): boolean {
  return code === "unauthenticated" || message.startsWith("data.url_");
}

/** Checks that the columns of components have one kind and width everywhere: models are trained on some and judged on others. */
function checkKinds({ pipeline, map }: ReadableParts, places: readonly CheckedPlace[]): readonly Problem[] {
  const [first, ...others] = places.filter(({ schema }) => schema !== undefined);
  const reporter = createReporter(map);
  for (const name of first === undefined ? [] : heldOutColumns(pipeline)) {
    const kindIn = ({ schema }: CheckedPlace) => {
      const column = schema?.find((one) => one.name === name);
      return column && `${column.kind} of width ${column.width}`;
    };
    const expected = kindIn(first as CheckedPlace);
    for (const place of others) {
      const kind = kindIn(place);
      if (kind === undefined || kind === expected) continue;
      const message = `"${name}" is ${kind}, but ${expected} in ${first?.setting}; convert it in a query or view`;
      reporter.report(place.setting.split("."), message);
    }
  }
  return reporter.problems;
}

/** How many keys of each place are compared. */
const COMPARED_KEYS = 10_000;

/** The keys with the smallest hashes, so that two places with common rows have common ones here. */
async function someKeys({ data }: ReadableParts["pipeline"], source: DataSource): Promise<ReadonlySet<string>> {
  if (!hasOwnHeldOut({ data }) || data.source === "synthetic" || data.key === undefined) return new Set();
  const { labels } = await source.sampleRows([], [data.key], COMPARED_KEYS);
  return new Set(labels[data.key]?.dictionary);
}

/** Checks that no row is both held out and in a place that trainers read. */
function checkOverlap({ pipeline, map }: ReadableParts, places: readonly CheckedPlace[]): readonly Problem[] {
  const held = places.find(({ setting }) => setting === "data.held_out")?.keys ?? new Set<string>();
  const reporter = createReporter(map);
  for (const { setting, keys = new Set<string>() } of places) {
    if (setting === "data.held_out") continue;
    const both = [...keys].filter((key) => held.has(key)).length;
    if (both === 0 || pipeline.data.source === "synthetic") continue;
    reporter.report(
      ["data", "held_out"],
      `${both} of ${held.size} compared values of ${pipeline.data.key} are in ${setting}, too; held-out rows must not be training rows`,
    );
  }
  return reporter.problems;
}

/**
 * Checks a team file against its pipeline and the pipeline's data. Leaves out the data if it cannot be read, which
 * `checkPipelineAgainstData` reports.
 * @param path of the pipeline file; @param requiringUpstream as in `checkTeamAgainstPipeline`
 */
export async function checkTeamAgainstData(
  parsed: ReadableTeam,
  pipeline: Pipeline,
  path: string,
  requiringUpstream: ReadonlySet<string>,
): Promise<readonly Problem[]> {
  const check = (schema?: readonly ColumnSchema[]) =>
    checkTeamAgainstPipeline(parsed, pipeline, requiringUpstream, schema);
  const { tests = [], sample } = parsed.team;
  if (tests.length === 0 && sample === undefined) return check();
  try {
    const { spec } = sourceFor(pipeline, { trainer: parsed.team.component });
    const source = await openDataSource(spec, dirname(resolve(path)));
    try {
      const problems = check(await source.schema());
      return problems.length > 0 ? problems : await checkSlices(tests, [], source, parsed.map, "training");
    } finally {
      await source.close();
    }
  } catch (thrown) {
    if (asUncoupleError(thrown).code === "internal") throw thrown;
    return check();
  }
}

/**
 * Checks that the slices of tests have rows, on a sample of the rows. Those that need an upstream output are left out.
 * @param labels columns that slices may name as text; @param side of the rows, for messages
 */
async function checkSlices(
  tests: ReadTests<ModelTest>,
  labels: readonly string[],
  source: DataSource,
  map: FileMap,
  side: "training" | "held-out",
): Promise<readonly Problem[]> {
  const reporter = createReporter(map);
  const known = new Set((await source.schema()).map(({ name }) => name));
  for (const [index, test] of tests.entries()) {
    if (test?.kind !== "slice" || !Object.keys(test.where).every((name) => known.has(name))) continue;
    const columns = Object.keys(test.where);
    const rows = await source.sampleRows(
      columns.filter((name) => !labels.includes(name)),
      columns.filter((name) => labels.includes(name)),
      MOST_TESTED_ROWS,
    );
    if (sliceRows(test.where, rows.table, rows.labels).length > 0) continue;
    const count = rows.table.rows.toLocaleString("en-US");
    reporter.report(["tests", index, "slice"], `none of ${count} ${side} rows is in the slice`);
  }
  return reporter.problems;
}

/** Checks that a gate's parts of the held-out rows are large enough, for which it reads them. */
async function checkHeldOutParts({ pipeline, map }: ReadableParts, source: DataSource): Promise<readonly Problem[]> {
  if (pipeline.gate === undefined) return [];
  const { tableBytes } = divideMemory(DEFAULT_MEMORY_LIMIT);
  const space = { tableBytes, folder: () => mkdtemp(join(tmpdir(), "uncouple-held-out-")) };
  const { table, labels } = await source.storedHeldOutRows(heldOutColumns(pipeline), groupColumns(pipeline), space);
  if (isSpilled(table)) await removeSpill(table.folder);
  const reporter = createReporter(map);
  for (const { path, message } of partFaults(pipeline, { rows: table.rows, labels }, pipeline.gate.split)) {
    reporter.report(path, message);
  }
  return reporter.problems;
}

/** Checks that the model module of a team file exists, if it names one. */
export async function checkTeamModule({ team, map }: ParsedTeam): Promise<readonly Problem[]> {
  if (team.model.kind !== "module") return [];
  const { path } = team.model;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [];
  const place = ["model", "module"];
  return [{ file: map.file, line: map.line(place), path: place.join("."), message: `file not found: ${path}` }];
}
