import { UncoupleError } from "../../common/errors.ts";
import type { Column, Table } from "../../data/table/table.ts";
import { checkOutput } from "../../learning/snapshot/check-output.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import { SESSION_BYTES } from "../../learning/snapshot/load-snapshot-model.ts";
import {
  type SnapshotContract,
  SnapshotContractError,
  type SnapshotModel,
} from "../../learning/snapshot/snapshot-model.ts";
import type { Phase, RunRequest, StageRequest } from "../frames/messages.ts";
import type { HeldBytes } from "../inference.ts";
import { HostCache } from "./host-cache.ts";
import { tryModel } from "./try-model.ts";

export interface Fetched {
  readonly columns: readonly Column[];
  readonly model?: Uint8Array;
}

/** What a host needs of its caller while it runs. */
export interface Caller {
  /** @returns the columns in the order asked for, and the model's bytes if they were asked for */
  fetch(stage: number, columns: readonly string[], model: boolean): Promise<Fetched>;
  progress(stage: number, phase: Phase): void;
  /** Takes the wanted outputs, in order, each as soon as it and those before it are known. */
  output(values: Float32Array): void;
}

/** An error in a stage. */
export class StageError extends Error {
  readonly stage: number;

  constructor(stage: number, cause: unknown) {
    super(`stage ${stage} failed`, { cause });
    this.name = "StageError";
    this.stage = stage;
  }
}

/** Runs compositions, one at a time and one model at a time. */
export interface StageRunner {
  /** @throws StageError for whatever a stage throws, `Caller.fetch` included */
  run(request: RunRequest, caller: Caller): Promise<void>;
  held(): HeldBytes;
}

interface LoadedModel {
  readonly model: SnapshotModel;
  /** Whether it has been tried on at least two rows. */
  tried: boolean;
}

export function createStageRunner(
  load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>,
): StageRunner {
  const cache = new HostCache();

  async function run(request: RunRequest, caller: Caller): Promise<void> {
    const { stages, wanted, cacheBytes } = request;
    /** Outputs that a later stage of this call reads, or that the caller does not have yet. */
    const outputs = new Map<number, Float32Array>();
    const needed = neededStages(request, outputs);
    const waiting = [...wanted];
    handOver();
    for (const index of needed) {
      try {
        const stage = stages[index] as StageRequest;
        if (wanted.length === 0) await modelOf(stage, await fetchFor(index, stage, []));
        else outputs.set(index, await runStage(index, stage, outputs));
        await cache.shrink(cacheBytes);
      } catch (thrown) {
        await cache.shrink(cacheBytes);
        throw new StageError(index, faultOf(thrown));
      }
      handOver();
      for (const done of outputs.keys()) {
        if (!waiting.includes(done) && !needed.some((later) => later > index && reads(later, done)))
          outputs.delete(done);
      }
    }

    function handOver(): void {
      for (;;) {
        const values = outputs.get(waiting[0] as number);
        if (values === undefined) return;
        caller.output(values);
        waiting.shift();
      }
    }

    function reads(later: number, done: number): boolean {
      return Object.values((stages[later] as StageRequest).inputs).some(
        (from) => "stage" in from && from.stage === done,
      );
    }

    async function fetchFor(index: number, stage: StageRequest, columns: readonly string[]): Promise<Fetched> {
      const model = cache.get<LoadedModel>("models", stage.model) === undefined;
      return columns.length > 0 || model ? caller.fetch(index, columns, model) : { columns: [] };
    }

    async function runStage(
      index: number,
      stage: StageRequest,
      earlier: ReadonlyMap<number, Float32Array>,
    ): Promise<Float32Array> {
      const { contract, inputs } = stage;
      const columns = new Map<string, Column>();
      const keys = new Set<string>();
      for (const from of Object.values(inputs)) {
        if (!("column" in from)) continue;
        const held = cache.get<Column>("columns", from.column);
        if (held === undefined) keys.add(from.column);
        else columns.set(from.column, held);
      }
      const fetched = await fetchFor(index, stage, [...keys]);
      [...keys].forEach((key, at) => {
        const column = fetched.columns[at] as Column;
        columns.set(key, column);
        if (request.keep) cache.put("columns", key, column, bytesOfColumn(column));
      });
      const table: Table = {
        rows: request.rows,
        columns: Object.fromEntries(
          Object.entries(inputs).map(([name, from]): [string, Column] => {
            if ("column" in from) return [name, columns.get(from.column) as Column];
            const width = (stages[from.stage] as StageRequest).contract.output.width;
            return [name, { kind: "numeric", width, values: earlier.get(from.stage) as Float32Array }];
          }),
        ),
      };
      const loaded = await modelOf(stage, fetched);
      caller.progress(index, "run");
      const values = await loaded.model.predict(table, () => caller.progress(index, "rows"));
      const { name, width } = contract.output;
      if (values.length !== request.rows * width) {
        throw new SnapshotContractError(
          "output",
          `the model's output ${name} has ${values.length} values for ${request.rows} rows of width ${width}`,
        );
      }
      const fault = stage.output === undefined ? undefined : checkOutput(stage.output, values);
      if (fault !== undefined) throw new ModelFault(fault.reason, fault.detail);
      if (!loaded.tried && loaded.model.rowWise !== true && request.rows > 0) {
        caller.progress(index, "trial");
        await tryModel(loaded.model, table, values, contract.output);
        loaded.tried = request.rows > 1;
      }
      if (request.keep) cache.put("outputs", stage.key, values, values.byteLength);
      return values;
    }
  }

  /** The stages to run, in order; puts the outputs that are still held into `outputs`. */
  function neededStages({ stages, wanted }: RunRequest, outputs: Map<number, Float32Array>): number[] {
    if (wanted.length === 0) return stages.map((_, index) => index);
    const needed = new Set<number>();
    const need = (index: number): void => {
      if (needed.has(index) || outputs.has(index)) return;
      const stage = stages[index] as StageRequest;
      const held = cache.get<Float32Array>("outputs", stage.key);
      if (held !== undefined) {
        outputs.set(index, held);
        return;
      }
      needed.add(index);
      for (const from of Object.values(stage.inputs)) if ("stage" in from) need(from.stage);
    };
    for (const index of wanted) need(index);
    return [...needed].sort((a, b) => a - b);
  }

  async function modelOf({ model: key, contract }: StageRequest, fetched: Fetched): Promise<LoadedModel> {
    const known = cache.get<LoadedModel>("models", key);
    if (known !== undefined) return known;
    const bytes = fetched.model as Uint8Array;
    const model = await load(bytes, contract);
    const loaded: LoadedModel = { model, tried: false };
    cache.put("models", key, loaded, bytes.length + SESSION_BYTES, () => model.dispose());
    return loaded;
  }

  return { run, held: () => cache.held() };
}

/** An invalid argument is the model, because the caller has checked all else. */
function faultOf(thrown: unknown): unknown {
  if (thrown instanceof ModelFault || !(thrown instanceof UncoupleError) || thrown.code !== "invalid-argument")
    return thrown;
  return new ModelFault("malformed-model", thrown.message, { cause: thrown });
}

function bytesOfColumn(column: Column): number {
  if (column.kind === "numeric") return column.values.byteLength;
  // Strings of V8 take about two bytes per character and a header.
  return column.codes.byteLength + column.dictionary.reduce((sum, text) => sum + 2 * text.length + 32, 0);
}
