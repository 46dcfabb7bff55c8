import { dirname } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { openDataSource } from "../../data/open-data-source.ts";
import { evaluateOracle } from "../../data/source/oracle.ts";
import type { NumericColumn } from "../../data/table/table.ts";
import { heldOutColumns } from "../../data/visibility.ts";
import { loadSnapshotModel } from "../../learning/snapshot/load-snapshot-model.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";

/**
 * Computes the end-to-end loss of M2* o M1, the generator's own M2 on the predictions of a snapshot of M1, over the
 * held-out rows. All losses of the paper's Figure 3 are relative to it.
 * @param pipelineFile base of the data's relative path
 * @throws UncoupleError `failed-precondition` if the data has no oracle for M2
 */
export async function oracleLoss(pipeline: Pipeline, pipelineFile: string, m1: Uint8Array): Promise<number> {
  const source = await openDataSource(pipeline.data, dirname(pipelineFile));
  try {
    const oracle = source.oracle("m2");
    if (oracle === undefined)
      throw new UncoupleError("failed-precondition", "the data source has no oracle for m2; use a synthetic generator");
    const { table } = await source.heldOutRows(heldOutColumns(pipeline));
    const upstream = componentNamed(pipeline, "m1");
    const model = await loadSnapshotModel(m1, snapshotContract(pipeline, upstream, await source.schema()));
    try {
      const inputs: Record<string, Float32Array> = { [upstream.output.name]: await model.predict(table) };
      const read = (name: string) => inputs[name] ?? (table.columns[name] as NumericColumn).values;
      const predicted = evaluateOracle(
        oracle,
        oracle.inputs.map(({ name }) => read(name)),
        table.rows,
      );
      const target = read(componentNamed(pipeline, "m2").target);
      return predicted.reduce((sum, value, i) => sum + (value - (target[i] as number)) ** 2, 0) / predicted.length;
    } finally {
      await model.dispose();
    }
  } finally {
    await source.close();
  }
}
