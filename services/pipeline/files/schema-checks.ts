import { availableNames, didYouMean } from "../../common/suggest.ts";
import { closureNames, type SourceColumns } from "../data-reader.ts";
import type { Component, LoggedActions } from "../pipeline.ts";
import type { DataColumn } from "./data-column.ts";
import { checkPipelineTests } from "./model-test-checks.ts";
import type { ReadableParts } from "./pipeline-file.ts";
import type { Problem } from "./problem.ts";
import { createReporter, type Path, type Reporter, sortedProblems } from "./yaml-file.ts";

/** The source that a schema belongs to. */
export interface CheckedSource {
  /** As messages call it. */
  readonly name: string;
  readonly columns: SourceColumns;
}

const THE_DATA: CheckedSource = { name: "the data", columns: "all" };

/**
 * Checks a pipeline against the schema of its data: missing columns, and targets of the wrong kind or width.
 * @param unreadable existing columns outside the schema, each with the reason why it cannot be read
 * @param source default: the data, with all columns
 */
export function checkPipelineAgainstSchema(
  parsed: ReadableParts,
  schema: readonly DataColumn[],
  unreadable: ReadonlyMap<string, string> = new Map(),
  source: CheckedSource = THE_DATA,
): readonly Problem[] {
  const reporter = createReporter(parsed.map);
  const columns = new Map(schema.map((column) => [column.name, column]));
  const exists = (name: string, path: Path): boolean => {
    if (columns.has(name)) return true;
    const why = unreadable.get(name);
    if (why !== undefined) {
      reporter.report(path, `"${name}" ${why}`);
      return false;
    }
    const hint = didYouMean(name, columns.keys());
    reporter.report(
      path,
      `${source.name} has no column "${name}"; available: ${availableNames(columns.keys())}${hint}`,
    );
    return false;
  };
  const checkLogged = ({ name, output, target }: Component, { action, propensity }: LoggedActions) => {
    const path = (key: string) => ["components", name, "target", key];
    for (const [key, column] of [
      ["reward", target],
      ["propensity", propensity],
    ] as const) {
      if (!exists(column, path(key))) continue;
      const { kind, width } = columns.get(column) as DataColumn;
      if (kind === "categorical" || width !== 1) reporter.report(path(key), `"${column}" must have one number per row`);
    }
    if (!exists(action, path("action"))) return;
    const { kind, width } = columns.get(action) as DataColumn;
    if (kind === "categorical" && output.classes === undefined) {
      const what = `"${action}" is categorical; list its values in output.classes, in the order of the coordinates`;
      reporter.report(path("action"), what);
    } else if (width !== 1) {
      reporter.report(path("action"), `"${action}" must have one number or one string per row`);
    }
  };
  const { components } = parsed.pipeline;
  const only = typeof source.columns === "string" ? undefined : source.columns.component;
  const read = only === undefined ? undefined : closureNames(components, only);
  for (const component of components) {
    if (read?.has(component.name) === false) continue;
    const path = ["components", component.name];
    component.columns.forEach((name, index) => {
      exists(name, [...path, "columns", index]);
    });
    // The targets of those above are for their teams.
    if (only !== undefined && only !== component.name) continue;
    if (component.logged !== undefined) {
      checkLogged(component, component.logged);
    } else if (exists(component.target, [...path, "target"])) {
      checkTarget(component, columns.get(component.target) as DataColumn, [...path, "target"], reporter);
    }
  }
  if (source.columns !== "held-out") {
    parsed.pipeline.audit?.columns?.forEach((name, index) => {
      exists(name, ["audit", "columns", index]);
    });
  }
  // Slices and the pipeline's tests are for evaluators.
  if (source.columns !== "all" && source.columns !== "held-out") return sortedProblems(reporter.problems);
  parsed.pipeline.slices?.forEach((name, index) => {
    // Slices are read as text, whatever the type.
    if (!unreadable.has(name)) exists(name, ["slices", index]);
  });
  checkPipelineTests(parsed.pipeline.tests ?? [], parsed.pipeline, schema, reporter);
  return sortedProblems(reporter.problems);
}

function checkTarget(component: Component, target: DataColumn, path: Path, reporter: Reporter): void {
  if (component.loss === "cross-entropy") {
    if (target.kind === "categorical") return;
    const hint = `convert it in data.query with CAST(... AS VARCHAR)`;
    reporter.report(path, `cross-entropy requires a categorical target, but "${target.name}" is numeric; ${hint}`);
  } else if (target.kind === "categorical") {
    reporter.report(path, `${component.loss} requires a numeric target, but "${target.name}" is categorical`);
  } else if (target.width !== component.output.width) {
    reporter.report(
      path,
      `"${target.name}" has width ${target.width}, but the output "${component.output.name}" has width ${component.output.width}`,
    );
  }
}
