import { UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import {
  isSpilled,
  type SpilledTable,
  type StoredTable,
  tableBlocks,
  withColumns,
} from "../data/spill/stored-table.ts";
import type { Column, NumericColumn, Table } from "../data/table/table.ts";
import { type HostedModel, type Inference, type Stage, StageFault, type StageInput } from "../inference/inference.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import { closureOf, componentNamed } from "../pipeline/dag.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { ReplacedOutput } from "../verdicts/composed-losses.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";

export interface ComposerConfig {
  readonly pipeline: Pipeline;
  /** The held-out rows, with every column that a component reads. */
  readonly heldOut: StoredTable;
  /** Capacity of the output cache, in bytes. */
  readonly outputCacheBytes: number;
  /** Set if these rows are composed once, so that hosts keep nothing of them. */
  readonly once?: true;
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
   * @param replaced values that consumers of other components read in place of predictions; neither they nor what depends
   *   on them is cached
   * @returns [rows * width], not to be changed
   * @throws SnapshotFault naming the snapshot that cannot be used or whose output is invalid
   */
  output(component: string, composition: Composition, replaced?: readonly ReplacedOutput[]): Promise<Float32Array>;
  /**
   * Returns the output of a component under several variants of a composition, in one call of a host. These outputs are not
   * cached here.
   *
   * @param variants what each replaces, as for `output`; nothing: as it is composed
   * @returns [rows * width] each
   * @throws SnapshotFault as `output`
   */
  outputs(
    component: string,
    composition: Composition,
    variants: readonly (readonly ReplacedOutput[])[],
  ): Promise<readonly Float32Array[]>;
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
  readonly replaced: readonly ReplacedOutput[];
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
  /** Of replaced outputs: a host knows a column that it has seen by the object. */
  const columns = new WeakMap<Float32Array, NumericColumn>();
  const columnOf = (values: Float32Array, width: number): NumericColumn => {
    const column = columns.get(values) ?? ({ kind: "numeric", width, values } as const);
    columns.set(values, column);
    return column;
  };
  /** What is being composed ahead, by key; undefined if it could not be. */
  const ahead = new Map<string, Promise<Float32Array | undefined>>();

  /** @throws UncoupleError `not-found`, `failed-precondition` */
  function composedOf(
    component: string,
    composition: Composition,
    replaced: readonly ReplacedOutput[] = [],
  ): ComposedOutput {
    componentNamed(pipeline, component);
    const inputs: Record<string, number> = {};
    for (const needed of closures.get(component) ?? []) {
      const serial = composition[needed];
      if (serial === undefined) {
        throw new UncoupleError("failed-precondition", `no snapshot of ${needed} to compose ${component} with`);
      }
      inputs[needed] = serial;
    }
    const key = compositionKey(component, inputs);
    return { component, serial: inputs[component] as number, inputs, key, replaced };
  }

  /**
   * Composes outputs in one call, in which what they share runs once.
   *
   * @param keep whether the host keeps what it was sent and what it computes
   * @param deaths as in `InferencePlan`
   */
  async function compute(
    wanted: readonly ComposedOutput[],
    { keep, deaths }: { readonly keep: boolean; readonly deaths: number },
  ): Promise<readonly Float32Array[]> {
    const stages: StageDraft[] = [];
    /** What each stage composes, within the inputs of the output for which it was added. */
    const composed: Pick<ComposedOutput, "component" | "serial" | "inputs">[] = [];
    /** The stages that no replaced output reaches, by snapshot and the stages that it reads: equal ones compose the same. */
    const shared = new Map<string, number>();
    /** @returns the stage of the wanted output */
    async function addStages({ component: last, inputs, replaced }: ComposedOutput): Promise<number> {
      const places = new Map<string, number>();
      const reached = new Set<string>();
      // Each after what it reads.
      for (const name of Object.keys(inputs)) {
        const component = componentNamed(pipeline, name);
        const replacing = (upstream: string) =>
          replaced.find((one) => one.component === upstream && one.consumers.includes(name));
        if (component.upstream.some((upstream) => reached.has(upstream) || replacing(upstream))) reached.add(name);
        const serial = inputs[name] as number;
        const key = `${name}@${serial}<${component.upstream.map((upstream) => places.get(upstream)).join()}`;
        const known = reached.has(name) ? undefined : shared.get(key);
        places.set(name, known ?? stages.length);
        if (known !== undefined) continue;
        if (!reached.has(name)) shared.set(key, stages.length);
        const read: Record<string, InputDraft> = {};
        for (const column of component.columns) read[column] = { data: column };
        for (const upstream of component.upstream) {
          const { name: input, width } = componentNamed(pipeline, upstream).output;
          const values = replacing(upstream)?.values;
          // Stages that nothing reads anymore do not run.
          read[input] =
            values === undefined ? { stage: places.get(upstream) as number } : { replaced: columnOf(values, width) };
        }
        composed.push({ component: name, serial, inputs });
        stages.push({ model: await deps.modelOf(component, serial), inputs: read, output: component.output });
      }
      return places.get(last) as number;
    }
    const places: number[] = [];
    for (const output of wanted) places.push(await addStages(output));
    const onPass = (stage: number) => {
      const { component, serial } = composed[stage] as (typeof composed)[number];
      deps.onPass?.(component, serial);
    };
    try {
      if (!isSpilled(heldOut)) {
        const kept = keep && config.once !== true;
        const plan = { rows: heldOut.rows, stages: stagesOn(stages, heldOut), wanted: places, keep: kept, deaths };
        return await inference.run(plan, { signal, onPass });
      }
      return await runInBlocks(heldOut, stages, places, deaths, onPass);
    } catch (thrown) {
      if (!(thrown instanceof StageFault)) throw thrown;
      const { component, inputs } = composed[thrown.stage] as (typeof composed)[number];
      throw faultOf(thrown, composedOf(component, inputs));
    }
  }

  /** Runs the stages on one block of the rows after another. Hosts keep nothing: they see each block once. */
  async function runInBlocks(
    rows: SpilledTable,
    stages: readonly StageDraft[],
    wanted: readonly number[],
    deaths: number,
    onPass: (stage: number) => void,
  ): Promise<readonly Float32Array[]> {
    const widths = wanted.map((place) => (stages[place] as StageDraft).model.contract.output.width);
    const outputs = widths.map((width) => new Float32Array(rows.rows * width));
    const read = stages.flatMap(({ inputs }) =>
      Object.values(inputs).flatMap((from) => ("data" in from ? [from.data] : [])),
    );
    let first = 0;
    for await (const block of tableBlocks(withColumns(rows, read))) {
      const plan = { rows: block.rows, stages: stagesOn(stages, block, first), wanted, keep: false, deaths };
      const values = await inference.run(plan, first === 0 ? { signal, onPass } : { signal });
      values.forEach((part, index) => {
        (outputs[index] as Float32Array).set(part, first * (widths[index] as number));
      });
      first += block.rows;
    }
    return outputs;
  }

  async function composeAhead(wanted: readonly ComposedOutput[]): Promise<void> {
    const all = compute(wanted, { keep: true, deaths: 0 }).catch(() => undefined);
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
    async output(component, composition, replaced = []) {
      const wanted = composedOf(component, composition, replaced);
      const alone = async () =>
        (await compute([wanted], { keep: replaced.length === 0, deaths: DEATHS }))[0] as Float32Array;
      if (replaced.length > 0) return alone();
      return outputs.use(
        wanted.key,
        async () => (await ahead.get(wanted.key)) ?? (await alone()),
        async (values) => values,
      );
    },
    outputs: async (component, composition, variants) =>
      compute(
        variants.map((replaced) => composedOf(component, composition, replaced)),
        { keep: true, deaths: DEATHS },
      ),
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

/** What an input reads: a column of the rows, values in its place, or the output of an earlier stage. */
type InputDraft = { readonly data: string } | { readonly replaced: NumericColumn } | { readonly stage: number };

interface StageDraft extends Omit<Stage, "inputs"> {
  readonly inputs: Readonly<Record<string, InputDraft>>;
}

/** The stages on some of the rows. @param first number of their first one, if they are a block */
function stagesOn(stages: readonly StageDraft[], table: Table, first?: number): Stage[] {
  const inputOn = (from: InputDraft): StageInput => {
    if ("stage" in from) return from;
    if ("data" in from) return { column: table.columns[from.data] as Column };
    const { replaced } = from;
    if (first === undefined) return { column: replaced };
    const { width, values } = replaced;
    return { column: { ...replaced, values: values.subarray(first * width, (first + table.rows) * width) } };
  };
  return stages.map((stage) => ({
    ...stage,
    inputs: Object.fromEntries(Object.entries(stage.inputs).map(([name, from]) => [name, inputOn(from)])),
  }));
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
