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
  /**
   * Starts to compose a component's outputs under several compositions in one call, for calls of `output` that follow:
   * they wait for it, and compose by themselves what it could not. Leaves out what would not fit into half of the cache.
   */
  prepare(component: string, compositions: readonly Composition[]): void;
  /** Checks that a snapshot can be loaded, without running it. @throws SnapshotFault */
  check(component: string, serial: number): Promise<void>;
  /** Of outputs. */
  cachedBytes(): number;
  close(): Promise<void>;
}

/** What is composed: a component's output, and all that it depends on. */
interface ComposedOutput {
  readonly component: string;
  readonly serial: number;
  /** The snapshots of everything upstream and of the component, each after what it reads. */
  readonly inputs: Composition;
  readonly key: string;
}

const BYTES_PER_NUMBER = 4;

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
  /** What is being composed ahead, by key; undefined if it could not be. */
  const ahead = new Map<string, Promise<Float32Array | undefined>>();

  /** @throws UncoupleError `not-found`, `failed-precondition` */
  function composedOf(component: string, composition: Composition): ComposedOutput {
    componentNamed(pipeline, component);
    const inputs: Record<string, number> = {};
    for (const needed of closures.get(component) ?? []) {
      const serial = composition[needed];
      if (serial === undefined) {
        throw new UncoupleError("failed-precondition", `no snapshot of ${needed} to compose ${component} with`);
      }
      inputs[needed] = serial;
    }
    return { component, serial: inputs[component] as number, inputs, key: compositionKey(component, inputs) };
  }

  /** Composes outputs in one call, in which what they share runs once. @param deaths as in `InferencePlan` */
  async function compute(wanted: readonly ComposedOutput[], deaths: number): Promise<readonly Float32Array[]> {
    const stages: Stage[] = [];
    /** What each stage composes. */
    const composed: ComposedOutput[] = [];
    const placeOf = ({ key }: ComposedOutput) => composed.findIndex((output) => output.key === key);
    for (const { inputs } of wanted) {
      // Each after what it reads.
      for (const name of Object.keys(inputs)) {
        const output = composedOf(name, inputs);
        if (placeOf(output) >= 0) continue;
        const component = componentNamed(pipeline, name);
        const read: Record<string, StageInput> = {};
        for (const column of component.columns) read[column] = { column: heldOut.columns[column] as Column };
        for (const upstream of component.upstream) {
          read[componentNamed(pipeline, upstream).output.name] = { stage: placeOf(composedOf(upstream, inputs)) };
        }
        const model = await deps.modelOf(component, output.serial);
        stages.push({ model, inputs: read, output: component.output });
        composed.push(output);
      }
    }
    try {
      return await inference.run(
        { rows: heldOut.rows, stages, wanted: wanted.map(placeOf), keep: true, deaths },
        {
          signal,
          onPass(stage) {
            const { component, serial } = composed[stage] as ComposedOutput;
            deps.onPass?.(component, serial);
          },
        },
      );
    } catch (thrown) {
      if (!(thrown instanceof StageFault)) throw thrown;
      throw faultOf(thrown, composed[thrown.stage] as ComposedOutput);
    }
  }

  async function composeAhead(wanted: readonly ComposedOutput[]): Promise<void> {
    const all = compute(wanted, 0).catch(() => undefined);
    wanted.forEach(({ key }, index) => {
      ahead.set(
        key,
        all.then((values) => values?.[index]),
      );
    });
    const values = await all;
    for (const [index, { key }] of wanted.entries()) {
      const output = values?.[index];
      if (output !== undefined)
        await outputs.use(
          key,
          async () => output,
          async () => {},
        );
      ahead.delete(key);
    }
  }

  return {
    async output(component, composition) {
      const wanted = composedOf(component, composition);
      return outputs.use(
        wanted.key,
        async () => (await ahead.get(wanted.key)) ?? ((await compute([wanted], DEATHS))[0] as Float32Array),
        async (values) => values,
      );
    },
    prepare(component, compositions) {
      const bytes = BYTES_PER_NUMBER * heldOut.rows * componentNamed(pipeline, component).output.width;
      const most = Math.floor(config.outputCacheBytes / 2 / bytes);
      const missing = new Map<string, ComposedOutput>();
      for (const composition of compositions) {
        const wanted = composedOf(component, composition);
        if (missing.size < most && !outputs.has(wanted.key) && !ahead.has(wanted.key)) missing.set(wanted.key, wanted);
      }
      if (missing.size > 0) void composeAhead([...missing.values()]);
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

/** Blames a snapshot, with what it read if the fault may depend on that. */
function faultOf(fault: StageFault, { component, serial, inputs }: ComposedOutput): SnapshotFault {
  const options = { cause: fault };
  const snapshot = { component, serial };
  if (!fault.loaded) return new SnapshotFault(snapshot, fault.reason, fault.message, undefined, options);
  const { [component]: _, ...upstream } = inputs;
  const detail = fault.reason === "malformed-model" ? `cannot be run: ${fault.message}` : fault.message;
  return new SnapshotFault(snapshot, fault.reason, detail, upstream, options);
}
