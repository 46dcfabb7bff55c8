import type { ColumnSchema } from "../../data/table/table.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { readModelTest } from "../../pipeline/documents/model-test-schema.ts";
import { checkTeamTests } from "../../pipeline/files/model-test-checks.ts";
import { createReporter } from "../../pipeline/files/yaml-file.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import { MOST_TESTED_ROWS, MOST_TESTS, type ModelTest } from "../../pipeline/model-test.ts";
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
  for (const { name, spec } of (provenance.tests ?? []).slice(0, MOST_TESTS)) {
    const test = readModelTest(spec);
    if (test === undefined) {
      unreadable.push(`"${name}" is not a test that this version can run`);
      continue;
    }
    const reporter = createReporter({ file: "", line: () => 1 });
    checkTeamTests([test], pipeline, componentNamed(pipeline, component), schema, reporter);
    const [problem] = reporter.problems;
    if (problem === undefined) tests.push({ ...test, rows: Math.min(test.rows, MOST_TESTED_ROWS) });
    else unreadable.push(`"${name}": ${problem.message}`);
  }
  return { tests, unreadable };
}
