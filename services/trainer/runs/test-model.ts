import { UncoupleError } from "../../common/errors.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { rowsWanted, runModelTests } from "../../learning/model-tests/run-model-tests.ts";
import { groupingsOf } from "../../learning/model-tests/subject.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { isRefused, type ModelTest, type TrainedTest } from "../../pipeline/model-test.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { WithTrainedRows } from "./trained-rows.ts";

/**
 * Runs a team's tests of a model that was just trained, on a sample of its training rows, with upstream outputs as they were
 * imputed for the training.
 * @param bytes the ONNX model
 * @throws UncoupleError as `WithTrainedRows`
 */
export type TestModel = (
  tests: readonly ModelTest[],
  bytes: Uint8Array,
  pins: ResolvedSnapshots,
  signal: AbortSignal,
) => Promise<readonly TrainedTest[]>;

export function createTestModel(pipeline: Pipeline, name: string, withTrainedRows: WithTrainedRows): TestModel {
  const component = componentNamed(pipeline, name);
  return async (tests, bytes, pins, signal) => {
    if (tests.length === 0) return [];
    return withTrainedRows(bytes, rowsWanted(tests), pins, signal, async (trained) => {
      const { table, targets, labels, predict, nameOf } = trained;
      const previous = tests.some(({ kind }) => kind === "agreement") ? await trained.previous() : undefined;
      const outcomes = await runModelTests(tests, {
        component,
        table,
        targets,
        labels: {},
        groupings: groupingsOf(groupColumns(pipeline), labels, table.rows),
        predict,
        ...(previous !== undefined && { previous }),
      });
      return outcomes.map(({ test, result, worstRows }): TrainedTest => {
        const examples = worstRows.map(nameOf);
        return { ...result, ...(examples.length > 0 && { examples }), spec: { ...test } };
      });
    });
  };
}

/** @throws UncoupleError `failed-precondition` naming every failed test that may not fail */
export function refuseFailed(component: string, tests: readonly TrainedTest[]): void {
  const failed = tests.filter(isRefused);
  if (failed.length === 0) return;
  throw new UncoupleError(
    "failed-precondition",
    `the model of ${component} fails ${failed.length} of ${tests.length} tests on training rows and is not published: ${failed.map(failedTestText).join("; ")}`,
  );
}
