import type { ColumnSchema } from "../../data/table/table.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { readModelTest } from "../../pipeline/documents/model-test-schema.ts";
import { checkTeamTests } from "../../pipeline/files/model-test-checks.ts";
import { createReporter } from "../../pipeline/files/yaml-file.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import {
  MOST_PREDICTIONS,
  MOST_TESTED_ROWS,
  MOST_TESTS,
  type ModelTest,
  predictionsOf,
} from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";

/**
 * Reads the team's tests of a manifest. Leaves out what this version, or this pipeline, cannot run: a manifest may be written by
 * any version, or by hand.
 */
export function readTeamTests(
  { component, provenance }: SnapshotManifest,
  pipeline: Pipeline,
  schema: readonly ColumnSchema[],
): { readonly tests: readonly ModelTest[]; readonly unreadable: readonly string[] } {
  const tests: ModelTest[] = [];
  const unreadable: string[] = [];
  let predictions = 0;
  for (const { name, spec } of (provenance.tests ?? []).slice(0, MOST_TESTS)) {
    const read = readModelTest(spec);
    if (read === undefined) {
      unreadable.push(`"${name}" is not a test that this version can run`);
      continue;
    }
    const test = { ...read, rows: Math.min(read.rows, MOST_TESTED_ROWS) };
    predictions += predictionsOf(test);
    if (predictions > MOST_PREDICTIONS) {
      unreadable.push(`"${name}" and those after it ask for too many predictions`);
      break;
    }
    const reporter = createReporter({ file: "", line: () => 1 });
    checkTeamTests([test], pipeline, componentNamed(pipeline, component), schema, reporter);
    const [problem] = reporter.problems;
    if (problem === undefined) tests.push(test);
    else unreadable.push(`"${name}": ${problem.message}`);
  }
  return { tests, unreadable };
}
