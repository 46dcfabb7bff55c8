import { createHash } from "node:crypto";
import { createSharedCache } from "../../common/shared-cache.ts";
import type { Column, Table } from "../../data/table/table.ts";
import { loadSnapshotModel } from "../../learning/snapshot/load-snapshot-model.ts";
import type { SnapshotContract, SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";

/** A trained model, as its bytes. Equal bytes are one model, whichever policy trained it. */
export interface StoredModel {
  /** SHA-256 of the bytes, in hex. */
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly contract: SnapshotContract;
  /** Predicts like the loaded model. Each pass over the same columns runs once, and its output is not to be changed. */
  readonly model: SnapshotModel;
}

export interface ModelStore {
  store(bytes: Uint8Array, contract: SnapshotContract): StoredModel;
}

/** A loaded model has a WebAssembly memory, of which a process can have some ten thousand. */
const MODELS_LOADED = 1024;

/** @param outputBytes capacity of the cache of outputs, in bytes */
export function createModelStore(outputBytes: number): ModelStore {
  const models = createSharedCache<SnapshotModel>({
    capacity: MODELS_LOADED,
    weight: () => 1,
    dispose: (model) => model.dispose(),
  });
  const outputs = createSharedCache<Float32Array>({ capacity: outputBytes, weight: (values) => values.byteLength });
  // Columns are told apart by identity: their values do not change.
  const numbers = new WeakMap<Float32Array, number>();
  let count = 0;

  function numberOf(column: Column | undefined): number {
    if (column?.kind !== "numeric") throw new TypeError("simulated columns are numeric");
    const known = numbers.get(column.values) ?? count++;
    numbers.set(column.values, known);
    return known;
  }

  return {
    store(bytes, contract) {
      const digest = createHash("sha256").update(bytes).digest("hex");
      const predict = (table: Table) => {
        const read = contract.inputs.map(({ name }) => numberOf(table.columns[name]));
        return outputs.use(
          `${digest} ${read.join(" ")}`,
          () =>
            models.use(
              digest,
              () => loadSnapshotModel(bytes, contract),
              (model) => model.predict(table),
            ),
          async (values) => values,
        );
      };
      return { digest, bytes, contract, model: { rowWise: true, predict, dispose: async () => {} } };
    },
  };
}
