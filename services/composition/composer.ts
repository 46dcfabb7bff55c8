import { UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import type { Column, Table } from "../data/table/table.ts";
import { type HostedModel, type Inference, type Stage, StageFault, type StageInput } from "../inference/inference.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import { closureOf, componentNamed } from "../pipeline/dag.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";

export interface ComposerConfig {
  readonly pipeline: Pipeline;
  /** The held-out rows, with every column that a component reads. */
  readonly heldOut: Table;
  /** Capacity of the output cache, in bytes. */
  readonly outputCacheBytes: number;
}

export interface ComposerDeps {
  /** @throws SnapshotFault for a model that cannot be used; any other error counts as transient */
  modelOf(component: Component, serial: number): Promise<HostedModel>;
  readonly inference: Inference;
  /** Called for every pass of a snapshot over the held-out rows. */
  onPass?(component: string, serial: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** Composes snapshots over the DAG on the held-out rows. */
export interface Composer {
  /**
   * Returns the output of a component when it and everything upstream of it are the composition's snapshots. The whole
   * composition is one call of a host, which keeps the outputs in between: all pairs of N upstream and M downstream
   * snapshots cost N upstream passes and N * M downstream ones. Outputs that were asked for are cached here, and shared
   * while they are being computed.
   *
   * @returns [rows * width], not to be changed
   * @throws SnapshotFault naming the snapshot that cannot be used or whose output is invalid
   */
  output(component: string, composition: Composition): Promise<Float32Array>;
  /** Checks that a snapshot can be loaded, without running it. @throws SnapshotFault */
  check(component: string, serial: number): Promise<void>;
  /** Of outputs. */
  cachedBytes(): number;
  close(): Promise<void>;
}

/** A model that has killed this many fresh hosts in a row is at fault; one or two may have been killed from outside. */
const DEATHS = 3;

export function createComposer(config: ComposerConfig, deps: ComposerDeps): Composer {
  const { pipeline, heldOut } = config;
  const { inference, signal } = deps;
  const outputs = createSharedCache<Float32Array>({
    capacity: config.outputCacheBytes,
    weight: (values) => values.byteLength,
  });
  const closures = new Map(pipeline.components.map(({ name }) => [name, closureOf(pipeline, name)]));

  /** @param inputs the snapshots of everything upstream and of the component, each after what it reads */
  async function compute(inputs: Composition): Promise<Float32Array> {
    const components = Object.keys(inputs).map((needed) => componentNamed(pipeline, needed));
    const stages: Stage[] = [];
    for (const component of components) {
      const read: Record<string, StageInput> = {};
      for (const column of component.columns) read[column] = { column: heldOut.columns[column] as Column };
      for (const upstream of component.upstream) {
        read[componentNamed(pipeline, upstream).output.name] = { stage: placeOf(components, upstream) };
      }
      const model = await deps.modelOf(component, inputs[component.name] as number);
      stages.push({ model, inputs: read, output: component.output });
    }
    const serialOf = (stage: number) => {
      const component = components[stage] as Component;
      return { component: component.name, serial: inputs[component.name] as number };
    };
    const plan = { rows: heldOut.rows, stages, wanted: [components.length - 1], keep: true, deaths: DEATHS };
    try {
      const [values] = await inference.run(plan, {
        signal,
        onPass(stage) {
          const { component, serial } = serialOf(stage);
          deps.onPass?.(component, serial);
        },
      });
      return values as Float32Array;
    } catch (thrown) {
      if (!(thrown instanceof StageFault)) throw thrown;
      throw faultOf(thrown, serialOf(thrown.stage), inputs);
    }
  }

  function faultOf(
    fault: StageFault,
    snapshot: { readonly component: string; readonly serial: number },
    inputs: Composition,
  ): SnapshotFault {
    const options = { cause: fault };
    if (!fault.loaded) return new SnapshotFault(snapshot, fault.reason, fault.message, undefined, options);
    const needed = closures.get(snapshot.component) ?? [];
    const upstream = Object.fromEntries(
      needed.filter((name) => name !== snapshot.component).map((name) => [name, inputs[name] as number]),
    );
    const detail = fault.reason === "malformed-model" ? `cannot be run: ${fault.message}` : fault.message;
    return new SnapshotFault(snapshot, fault.reason, detail, upstream, options);
  }

  return {
    async output(name, composition) {
      componentNamed(pipeline, name);
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
        () => compute(inputs),
        async (values) => values,
      );
    },
    async check(name, serial) {
      const model = await deps.modelOf(componentNamed(pipeline, name), serial);
      const plan = { rows: 0, stages: [{ model, inputs: {} }], wanted: [], keep: true, deaths: DEATHS };
      try {
        await inference.run(plan, { signal });
      } catch (thrown) {
        if (!(thrown instanceof StageFault)) throw thrown;
        throw new SnapshotFault({ component: name, serial }, thrown.reason, thrown.message, undefined, {
          cause: thrown,
        });
      }
    },
    cachedBytes: () => outputs.weight(),
    close: () => outputs.clear(),
  };
}

function placeOf(components: readonly Component[], name: string): number {
  return components.findIndex((component) => component.name === name);
}
