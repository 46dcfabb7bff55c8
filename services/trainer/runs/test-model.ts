import { UncoupleError } from "../../common/errors.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { rowNames } from "../../data/row-names.ts";
import type { DataSource, HeldOutRows } from "../../data/source/data-source.ts";
import type { Column } from "../../data/table/table.ts";
import { takeColumns } from "../../data/table/take-rows.ts";
import { loadHosted, modelOfBytes } from "../../inference/hosted-model.ts";
import type { Inference } from "../../inference/inference.ts";
import { rowsWanted, runModelTests } from "../../learning/model-tests/run-model-tests.ts";
import { groupingsOf } from "../../learning/model-tests/subject.ts";
import { imputeAncestors } from "../../learning/snapshot/impute.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors, componentNamed } from "../../pipeline/dag.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import { isRefused, type ModelTest, type TrainedTest } from "../../pipeline/model-test.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { targetColumns, visibleColumns } from "../../pipeline/visible-columns.ts";
import type { GenerationLog } from "../../registry/generation-log.ts";

export interface TestModelDeps {
  readonly source: Pick<DataSource, "schema" | "sampleRows">;
  readonly generations: Pick<GenerationLog, "current">;
  readonly inference: Inference;
  readonly load: LoadModel;
}

/**
 * Runs a team's tests of a model that was just trained, on a sample of its training rows, with upstream outputs as they were
 * imputed for the training.
 * @param bytes the ONNX model
 * @throws UncoupleError as `LoadModel` and `DataSource.sampleRows`
 */
export type TestModel = (
  tests: readonly ModelTest[],
  bytes: Uint8Array,
  pins: ResolvedSnapshots,
  signal: AbortSignal,
) => Promise<readonly TrainedTest[]>;

export function createTestModel(pipeline: Pipeline, name: string, deps: TestModelDeps): TestModel {
  const { source, generations, inference, load } = deps;
  const component = componentNamed(pipeline, name);
  const targets = targetColumns(component);
  const labels = [...new Set([...keyColumns(pipeline), ...groupColumns(pipeline)])];

  /** What the component reads, with the outputs of its upstream. */
  async function inputsOf({ table }: HeldOutRows, models: Readonly<Record<string, SnapshotModel>>) {
    const above = new Set(ancestors(pipeline.components, name).map((one) => one.name));
    const outputs = await imputeAncestors(pipeline, above, models, table);
    const columns: Record<string, Column> = { ...takeColumns(table, component.columns).columns };
    for (const upstream of component.upstream) {
      const { output } = componentNamed(pipeline, upstream);
      columns[output.name] = outputs[output.name] as Column;
    }
    return { rows: table.rows, columns };
  }

  return async (tests, bytes, { upstream, parent }, signal) => {
    if (tests.length === 0) return [];
    const [schema, generation] = await Promise.all([source.schema(), generations.current()]);
    const visible = visibleColumns(pipeline, name);
    const rows = await source.sampleRows(visible, labels, rowsWanted(tests), generation?.heldOutAfter);
    const loaded: SnapshotModel[] = [];
    const opened = async (model: Promise<SnapshotModel>) => {
      loaded.push(await model);
      return model;
    };
    try {
      const models: Record<string, SnapshotModel> = {};
      for (const [above, serial] of Object.entries(upstream)) {
        models[above] = await opened(load(above, serial, schema, signal));
      }
      const contract = snapshotContract(pipeline, component, schema);
      const model = await opened(loadHosted(inference, modelOfBytes(`the model of ${name}`, bytes, contract), signal));
      const needsPrevious = parent !== null && tests.some(({ kind }) => kind === "agreement");
      const previous = needsPrevious ? await opened(load(name, parent, schema, signal)) : undefined;
      const outcomes = await runModelTests(tests, {
        component,
        table: await inputsOf(rows, models),
        targets: takeColumns(rows.table, targets),
        labels: {},
        groupings: groupingsOf(groupColumns(pipeline), rows.labels, rows.table.rows),
        predict: (table) => model.predict(table),
        ...(previous !== undefined && { previous: (table) => previous.predict(table) }),
      });
      const nameOf = rowNames(pipeline, rows.labels, generation?.salt);
      return outcomes.map(({ test, result, worstRows }): TrainedTest => {
        const examples = worstRows.map((row) => nameOf(row) ?? `sampled row ${row + 1}`);
        return { ...result, ...(examples.length > 0 && { examples }), spec: { ...test } };
      });
    } finally {
      await Promise.all(loaded.map((model) => model.dispose()));
    }
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
