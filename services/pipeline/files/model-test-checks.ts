import { didYouMean } from "../../common/suggest.ts";
import { ancestors, componentNamed } from "../dag.ts";
import { changedColumns, type ModelTest, type PipelineTest, type RowChange, type SliceTest } from "../model-test.ts";
import type { Component, Pipeline } from "../pipeline.ts";
import type { DataColumn } from "./data-column.ts";
import type { ReadTests } from "./model-tests.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/** What is known of the columns that a test may name: kind and width of data columns are unknown without their schema. */
type Inputs = ReadonlyMap<string, Partial<Pick<DataColumn, "kind" | "width">>>;

/**
 * Checks a team's tests against its component: they may name the columns and the upstream outputs that it reads.
 * @param schema of the data; undefined: kinds of data columns are not checked
 */
export function checkTeamTests(
  tests: ReadTests<ModelTest>,
  pipeline: Pipeline,
  component: Component,
  schema: readonly DataColumn[] | undefined,
  reporter: Reporter,
): void {
  const inputs = new Map([
    ...dataInputs(component.columns, schema),
    ...component.upstream.map((upstream) => {
      const { name, width } = componentNamed(pipeline, upstream).output;
      return [name, { kind: "numeric", width }] as const;
    }),
  ]);
  tests.forEach((test, index) => {
    if (test !== undefined) checkTest(test, ["tests", index], component, { inputs, slices: inputs, reporter });
  });
}

/**
 * Checks the pipeline's tests: they may name the data columns that the tested component or anything upstream of it reads, and
 * slices of the pipeline file.
 * @param schema as in `checkTeamTests`
 */
export function checkPipelineTests(
  tests: ReadTests<PipelineTest>,
  pipeline: Pick<Pipeline, "components" | "slices">,
  schema: readonly DataColumn[] | undefined,
  reporter: Reporter,
): void {
  const { components } = pipeline;
  tests.forEach((test, index) => {
    const component = components.find(({ name }) => name === test?.component);
    // What is malformed has its own problems.
    if (test === undefined || component === undefined) return;
    const needed = [...ancestors(components, component.name), component];
    const columns = needed.flatMap((one) => one.columns);
    const inputs = dataInputs(columns, schema);
    // As text, whatever the type.
    const labels = (pipeline.slices ?? []).map((name) => [name, { kind: "categorical", width: 1 }] as const);
    checkTest(test, ["tests", index], component, { inputs, slices: new Map([...labels, ...inputs]), reporter });
  });
}

function dataInputs(columns: readonly string[], schema: readonly DataColumn[] | undefined): Inputs {
  return new Map(columns.map((name) => [name, schema?.find((column) => column.name === name) ?? {}]));
}

interface Known {
  readonly inputs: Inputs;
  /** Columns that slices may name. */
  readonly slices: Inputs;
  readonly reporter: Reporter;
}

function checkTest(test: ModelTest, path: Path, component: Component, { inputs, slices, reporter }: Known): void {
  const exists = (column: string, at: Path, known = inputs) => {
    const found = known.get(column);
    if (found !== undefined) return found;
    const names = [...known.keys()];
    reporter.report(
      at,
      `${component.name} does not read a column "${column}"; available: ${names.join(", ")}${didYouMean(column, names)}`,
    );
    return undefined;
  };
  switch (test.kind) {
    case "monotone": {
      const at = [...path, "monotone"];
      const column = exists(test.column, at);
      if (column?.kind === "categorical" || (column?.width ?? 1) > 1) {
        reporter.report(at, `"${test.column}" must have one number per row`);
      }
      break;
    }
    case "invariant":
    case "directional":
      checkChange(test.change, [...path, test.kind], exists, reporter);
      break;
    case "slice":
      checkSlice(test, path, component, (column, at) => exists(column, at, slices), reporter);
      break;
    default:
      break;
  }
  if (test.kind !== "slice") checkOutput(test, path, component, reporter);
}

type Find = (column: string, at: Path) => Partial<Pick<DataColumn, "kind" | "width">> | undefined;

function checkChange(change: RowChange, path: Path, exists: Find, reporter: Reporter): void {
  const { set = {}, scale = {}, swap, map = {} } = change;
  const known = new Map(
    changedColumns(change).flatMap((column) => {
      const verb = column in set ? "set" : column in scale ? "scale" : column in map ? "map" : "swap";
      const at = verb === "swap" ? [...path, verb] : [...path, verb, column];
      const found = exists(column, at);
      return found === undefined ? [] : [[column, { ...found, at }] as const];
    }),
  );
  const wrong = (column: string, message: string) => {
    const at = known.get(column)?.at;
    if (at !== undefined) reporter.report(at, `"${column}" ${message}`);
  };
  for (const [column, value] of Object.entries(set)) {
    const { kind, width = 1 } = known.get(column) ?? {};
    if (width > 1) wrong(column, `has width ${width}; only columns with one value per row can be set`);
    else if (kind === "numeric" && typeof value !== "number") wrong(column, "is numeric; set it to a number");
    else if (kind === "categorical" && typeof value === "number") wrong(column, `is categorical; write "${value}"`);
  }
  for (const column of Object.keys(scale)) {
    if (known.get(column)?.kind === "categorical") wrong(column, "is categorical; only numbers can be scaled");
  }
  for (const column of Object.keys(map)) {
    if (known.get(column)?.kind === "numeric") wrong(column, "is numeric; map is for categorical columns");
  }
  const [first, second] = (swap ?? []).map((column) => known.get(column));
  if (swap === undefined || first?.kind === undefined || second?.kind === undefined) return;
  if (first.kind !== second.kind || first.width !== second.width) {
    reporter.report([...path, "swap"], `"${swap[0]}" and "${swap[1]}" differ in kind or width`);
  }
}

function checkSlice(test: SliceTest, path: Path, component: Component, exists: Find, reporter: Reporter): void {
  for (const [column, condition] of Object.entries(test.where)) {
    const at = [...path, "slice", column];
    const found = exists(column, at);
    if ((found?.width ?? 1) > 1) reporter.report(at, `"${column}" must have one value per row`);
    else if (found?.kind === "numeric" && typeof condition === "string") {
      reporter.report(at, `"${column}" is numeric; use a number, or { low: 0, high: 10 }`);
    } else if (found?.kind === "categorical" && typeof condition !== "string") {
      reporter.report(at, `"${column}" is categorical; use a value in quotes`);
    }
  }
  if (test.lossRelativeToAll !== undefined && component.loss === "policy") {
    reporter.report([...path, "loss_relative_to_all"], "does not apply to the loss policy, which can be negative");
  }
}

function checkOutput(
  test: Exclude<ModelTest, SliceTest>,
  path: Path,
  { name, output }: Component,
  reporter: Reporter,
): void {
  const { width, classes, meaning } = output;
  const at = [...path, "output"];
  if (typeof test.output === "number" && test.output >= width) {
    reporter.report(
      at,
      `the output of ${name} has ${width} ${width === 1 ? "coordinate" : "coordinates"}; the last one is ${width - 1}`,
    );
  } else if (typeof test.output === "string" && !(classes ?? []).includes(test.output)) {
    const available =
      classes === undefined ? "it lists no classes; use a coordinate" : `available: ${classes.join(", ")}`;
    reporter.report(at, `the output of ${name} has no class "${test.output}"; ${available}`);
  }
  if ((test.kind === "monotone" || test.kind === "directional") && width > 1 && test.output === undefined) {
    reporter.report(path, `output is missing; the output of ${name} has ${width} coordinates, so name one`);
  }
  if (
    test.kind === "agreement" &&
    test.within === undefined &&
    (meaning !== "probabilities" || test.output !== undefined)
  ) {
    reporter.report(
      [...path, "agreement"],
      "within is missing; without it, agreement compares the most probable classes of an output of probabilities",
    );
  }
}
