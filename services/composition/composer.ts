import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import type { Column, Table } from "../data/table/table.ts";
import type { SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import { closureOf, componentNamed } from "../pipeline/dag.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import { checkOutput } from "./check-output.ts";
import { type LoadedModel, reasonOf } from "./load-model.ts";

export interface ComposerConfig {
  readonly pipeline: Pipeline;
  /** The held-out rows, with every column that a component reads. */
  readonly heldOut: Table;
  /** Capacity of the output cache, in bytes. */
  readonly outputCacheBytes: number;
  /** Capacity of the cache of loaded ONNX models, in bytes. */
  readonly modelCacheBytes: number;
}

export interface ComposerDeps {
  /** @throws SnapshotFault for a model that cannot be used; any other error counts as transient */
  loadModel(component: Component, serial: number): Promise<LoadedModel>;
  /** Called for every pass of a snapshot over the held-out rows. */
  onPass?(component: string, serial: number): void;
}

/** Composes snapshots over the DAG on the held-out rows. */
export interface Composer {
  /**
   * Returns the output of a component when it and everything upstream of it are the composition's snapshots. Outputs are
   * cached by the snapshots that they depend on, and shared while they are being computed: all pairs of N upstream and M
   * downstream snapshots cost N upstream passes and N * M downstream ones.
   *
   * @returns [rows * width], not to be changed
   * @throws SnapshotFault naming the snapshot that cannot be used or whose output is invalid
   */
  output(component: string, composition: Composition): Promise<Float32Array>;
  /** Checks that a snapshot can be loaded, without running it. @throws SnapshotFault */
  check(component: string, serial: number): Promise<void>;
  cachedBytes(): { readonly outputs: number; readonly models: number };
  close(): Promise<void>;
}

export function createComposer(config: ComposerConfig, deps: ComposerDeps): Composer {
  const { pipeline, heldOut } = config;
  const outputs = createSharedCache<Float32Array>({
    capacity: config.outputCacheBytes,
    weight: (values) => values.byteLength,
  });
  const models = createSharedCache<LoadedModel>({
    capacity: config.modelCacheBytes,
    weight: (loaded) => loaded.bytes,
    dispose: (loaded) => loaded.model.dispose(),
  });
  const closures = new Map(pipeline.components.map(({ name }) => [name, closureOf(pipeline, name)]));

  function withModel<R>(component: Component, serial: number, body: (model: SnapshotModel) => Promise<R>): Promise<R> {
    const key = `${component.name}@${serial}`;
    return models.use(
      key,
      () => deps.loadModel(component, serial),
      (loaded) => body(loaded.model),
    );
  }

  async function compute(component: Component, inputs: Composition): Promise<Float32Array> {
    const serial = inputs[component.name] as number;
    const columns: Record<string, Column> = {};
    for (const name of component.columns) columns[name] = heldOut.columns[name] as Column;
    for (const name of component.upstream) {
      const { output } = componentNamed(pipeline, name);
      columns[output.name] = { kind: "numeric", width: output.width, values: await outputOf(name, inputs) };
    }
    const upstream = Object.fromEntries(Object.entries(inputs).filter(([name]) => name !== component.name));
    const snapshot = { component: component.name, serial };
    const cannotRun = (error: UncoupleError) =>
      new SnapshotFault(snapshot, reasonOf(error), `cannot be run: ${error.message}`, upstream);
    const values = await withModel(component, serial, async (model) => {
      deps.onPass?.(component.name, serial);
      return model.predict({ rows: heldOut.rows, columns }).catch((thrown: unknown) => {
        throw cannotRun(asUncoupleError(thrown));
      });
    });
    const { width } = component.output;
    if (values.length !== heldOut.rows * width) {
      const message = `${values.length} values for ${heldOut.rows} rows of width ${width}`;
      throw cannotRun(new UncoupleError("invalid-argument", message));
    }
    const fault = checkOutput(component.output, values);
    if (fault !== undefined) throw new SnapshotFault(snapshot, fault.reason, fault.detail, upstream);
    return values;
  }

  function outputOf(name: string, composition: Composition): Promise<Float32Array> {
    const component = componentNamed(pipeline, name);
    const inputs: Record<string, number> = {};
    for (const needed of closures.get(name) ?? []) {
      const serial = composition[needed];
      if (serial === undefined) {
        throw new UncoupleError("failed-precondition", `no snapshot of ${needed} to compose ${name} with`);
      }
      inputs[needed] = serial;
    }
    return outputs.use(
      compositionKey(name, inputs),
      () => compute(component, inputs),
      async (values) => values,
    );
  }

  return {
    output: async (component, composition) => outputOf(component, composition),
    async check(name, serial) {
      await withModel(componentNamed(pipeline, name), serial, async () => {});
    },
    cachedBytes: () => ({ outputs: outputs.weight(), models: models.weight() }),
    async close() {
      await outputs.clear();
      await models.clear();
    },
  };
}
