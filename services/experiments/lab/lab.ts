import { square } from "../../common/elementary.ts";
import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { DataSource } from "../../data/source/data-source.ts";
import { type CounterfactualOracle, evaluateOracle } from "../../data/source/oracle.ts";
import type { Column, NumericColumn, Table } from "../../data/table/table.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { heldOutColumns } from "../../data/visibility.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { trainComponent } from "../../learning/component/train-component.ts";
import type { UserModelModule } from "../../learning/programs/user-model.ts";
import { imputeAncestors } from "../../learning/snapshot/impute.ts";
import { loadSnapshotModel } from "../../learning/snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors, componentNamed } from "../../pipeline/dag.ts";
import type { Pipeline, TrainingAudit } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type ModelSpec, type ProtocolSpec } from "../../pipeline/team.ts";
import { visibleColumns } from "../../pipeline/visible-columns.ts";

/** One model for every component that a composition needs, by component name. */
export type Models = Readonly<Record<string, SnapshotModel>>;

/** The settings that the published experiments vary between trainings; all others are those of `DEFAULT_TEAM`. */
export interface Recipe {
  readonly model: ModelSpec;
  /** The imported module, if the model is one. */
  readonly module?: UserModelModule;
  readonly steps: number;
  readonly protocol?: ProtocolSpec;
  /** Added to the lab's seed, to train the same once more; default 0. */
  readonly seedOffset?: number;
  /** Training rows with additional annotations, for sources that learn the counterfactual output from them. */
  readonly audit?: TrainingAudit;
  onWarning?(message: string): void;
}

/**
 * A pipeline and its data in a single process: trains components and measures compositions with the learning code of
 * the services.
 */
export interface Lab {
  readonly pipeline: Pipeline;
  /** Number of held-out rows. */
  readonly rows: number;
  /** The signal that cancels trainings. */
  readonly signal: AbortSignal;
  /**
   * Trains a component.
   *
   * @param upstream a model of every ancestor
   * @param previous its own snapshot, for a proximal term
   */
  train(component: string, recipe: Recipe, upstream: Models, previous?: SnapshotModel): Promise<SnapshotModel>;
  /** Predictions of a component composed with the given models on the held-out rows, [rows * output width]. */
  predict(component: string, models: Models): Promise<Float32Array>;
  /** Like `predict`, with the component replaced by its data-generating function. */
  oracle(component: string, upstream: Models): Promise<Float32Array>;
  /** M* of a component without upstream, for the held-out rows only: returns the column that contains the truth. */
  truth(column: string): SnapshotModel;
  /** M* of a component without upstream, on any rows. Its data-generating function must be a network. */
  generating(component: string): SnapshotModel;
  /** A numeric column of the held-out rows, [rows * width]. */
  observed(column: string): Float32Array;
  /** Own losses of a component composed with the given models, [rows]: one per held-out row. */
  rowLosses(component: string, models: Models): Promise<Float64Array>;
  /** The mean of `rowLosses`. */
  loss(component: string, models: Models): Promise<number>;
  /** Mean squared error with the component replaced by its data-generating function. */
  oracleLoss(component: string, upstream: Models): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a lab. The same arguments give the same losses, bit for bit, on the same engine. The signal cancels trainings.
 */
export async function openLab(
  pipeline: Pipeline,
  source: DataSource,
  engine: Engine,
  seed: number,
  signal?: AbortSignal,
): Promise<Lab> {
  const heldOut = (await source.heldOutRows(heldOutColumns(pipeline))).table;
  const loaded: SnapshotModel[] = [];

  const numbers = new Map<SnapshotModel, number>();
  /** A name for what a composition computes: the models of the given components, told apart by number. */
  const keyOf = (component: string, names: readonly string[], models: Models): string => {
    const parts = names.map((name) => {
      const model = models[name] as SnapshotModel;
      const number = numbers.get(model) ?? numbers.size;
      numbers.set(model, number);
      return number;
    });
    return `${component} ${parts.join(" ")}`;
  };
  // The experiments compare many compositions of few models on the same rows.
  const inputs = memo(async (component: string, models: Models): Promise<Table> => {
    const needed = new Set(upstreamOf(pipeline, component));
    const outputs = await imputeAncestors(pipeline, needed, models, heldOut);
    return { rows: heldOut.rows, columns: { ...heldOut.columns, ...outputs } };
  });
  const outputs = memo(
    async (component: string, models: Models): Promise<Float32Array> =>
      (models[component] as SnapshotModel).predict(await composed(component, models)),
  );
  const trainingRows = memo(
    async (component: string): Promise<Table> => (await source.trainingRows(visibleColumns(pipeline, component))).table,
  );
  const composed = (component: string, models: Models): Promise<Table> =>
    inputs(keyOf(component, upstreamOf(pipeline, component), models), component, models);
  const target = (component: string): Float32Array => numeric(heldOut, componentNamed(pipeline, component).target);
  const predict = (component: string, models: Models): Promise<Float32Array> =>
    outputs(keyOf(component, [component, ...upstreamOf(pipeline, component)], models), component, models);
  const oracle = async (component: string, upstream: Models): Promise<Float32Array> => {
    const generating = source.oracle(component) as CounterfactualOracle;
    const table = await composed(component, upstream);
    const inputs = generating.inputs.map(({ name }) => numeric(table, name));
    return evaluateOracle(generating, inputs, table.rows);
  };

  const ownLosses = async (component: string, models: Models): Promise<Float64Array> => {
    const own = componentNamed(pipeline, component);
    const observed = targetOf(own, heldOut.columns[own.target] as Column);
    return rowLosses(own, await predict(component, models), observed);
  };

  return {
    pipeline,
    rows: heldOut.rows,
    signal: signal ?? new AbortController().signal,
    predict,
    oracle,
    truth: (column) => ({ predict: async () => numeric(heldOut, column), dispose: async () => {} }),
    generating(component) {
      const generating = source.oracle(component) as CounterfactualOracle;
      return {
        predict: async (table) =>
          evaluateOracle(
            generating,
            generating.inputs.map(({ name }) => numeric(table, name)),
            table.rows,
          ),
        dispose: async () => {},
      };
    },
    observed: (column) => numeric(heldOut, column),
    async train(component, recipe, upstream, previous) {
      const visible = visibleColumns(pipeline, component);
      const table = await trainingRows(component, component);
      const { audit } = recipe;
      const generating = source.oracle(component);
      const trained = await trainComponent(
        {
          pipeline,
          team: {
            ...DEFAULT_TEAM,
            component,
            model: recipe.model,
            steps: recipe.steps,
            protocol: recipe.protocol ?? DEFAULT_TEAM.protocol,
            seed: seed + (recipe.seedOffset ?? 0),
          },
          table,
          upstream,
          engine,
          ...(signal !== undefined && { signal }),
          ...(previous !== undefined && { previous }),
          ...(generating !== undefined && { oracle: generating }),
          ...(recipe.onWarning !== undefined && { onWarning: recipe.onWarning }),
          ...(audit !== undefined && { audit: (await source.auditRows(visible, audit.columns, audit.rows)).table }),
        },
        recipe.module,
      );
      const model = await loadSnapshotModel(trained.bytes, trained);
      loaded.push(model);
      return model;
    },
    rowLosses: ownLosses,
    loss: async (component, models) => mean(await ownLosses(component, models)),
    oracleLoss: async (component, upstream) => meanSquaredError(await oracle(component, upstream), target(component)),
    close: async () => {
      await Promise.all(loaded.map((model) => model.dispose()));
      await source.close();
    },
  };
}

/** Computes each value once, by key. */
function memo<A extends readonly unknown[], R>(compute: (...given: A) => Promise<R>) {
  const known = new Map<string, Promise<R>>();
  return (key: string, ...given: A): Promise<R> => {
    const value = known.get(key) ?? compute(...given);
    known.set(key, value);
    return value;
  };
}

function upstreamOf({ components }: Pipeline, component: string): string[] {
  return ancestors(components, component).map(({ name }) => name);
}

/** A dense network with ReLU layers of these widths; a linear model without any. */
export function dense(...hidden: readonly number[]): ModelSpec {
  return { kind: "dense", hidden };
}

function numeric(table: Table, name: string): Float32Array {
  const column = table.columns[name];
  if (column?.kind !== "numeric") throw new UncoupleError("internal", `no numeric column ${name}`);
  return (column satisfies NumericColumn).values;
}

function meanSquaredError(values: Float32Array, target: Float32Array): number {
  if (values.length !== target.length) {
    throw new UncoupleError(
      "internal",
      `cannot compare ${values.length} predicted values with ${target.length} observed ones`,
    );
  }
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += square((values[i] as number) - (target[i] as number));
  return sum / values.length;
}
