import { createHash } from "node:crypto";
import { createRandom } from "../../data/random/random.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { trainComponent } from "../../learning/component/train-component.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type ProtocolSpec } from "../../pipeline/team.ts";
import { visibleColumns } from "../../pipeline/visible-columns.ts";
import type { Truth } from "../truth/truth.ts";
import type { ModelStore, StoredModel } from "./model-store.ts";

/** One training, completely described: equal requests give equal bytes. */
export interface TrainingRequest {
  readonly component: string;
  /** In which the component reads exactly the components of `upstream`. */
  readonly pipeline: Pipeline;
  readonly hidden: readonly number[];
  readonly steps: number;
  readonly seed: number;
  readonly protocol: ProtocolSpec;
  /** Training rows whose upstream targets are annotated; without them, the true function is the oracle. */
  readonly audited?: number;
  /** The epoch of the training rows. */
  readonly epoch: number;
  /** A model of every ancestor. */
  readonly upstream: Readonly<Record<string, StoredModel>>;
  /** The component's own model in use, for a proximal term. */
  readonly previous?: StoredModel;
}

export interface ComponentTrainer {
  train(request: TrainingRequest, signal: AbortSignal): Promise<StoredModel>;
}

/** Trains with the learning code of the services. Each training runs once, under however many policies it is asked for. */
export function createComponentTrainer(truth: Truth, store: ModelStore, engine: Engine): ComponentTrainer {
  const trained = new Map<string, StoredModel>();

  async function train(request: TrainingRequest, signal: AbortSignal): Promise<StoredModel> {
    const { component, pipeline, hidden, steps, seed, protocol, audited, upstream, previous } = request;
    const rows = truth.rowsOf(request.epoch);
    const table = withColumns(rows.training, visibleColumns(pipeline, component));
    const models = Object.entries(upstream).map(([name, { model }]) => [name, model] as const);
    const result = await trainComponent({
      pipeline,
      team: {
        ...DEFAULT_TEAM,
        component,
        model: { kind: "dense", hidden },
        steps,
        schedule: { ...DEFAULT_TEAM.schedule, warmup: Math.min(DEFAULT_TEAM.schedule.warmup, steps >> 2) },
        protocol,
        seed,
      },
      table,
      upstream: Object.fromEntries(models),
      engine,
      signal,
      ...(previous !== undefined && { previous: previous.model }),
      ...(audited === undefined
        ? { oracle: rows.oracle(component) }
        : { audit: auditTable(pipeline, component, table, rows.training, audited) }),
    });
    return store.store(result.bytes, { inputs: result.inputs, output: result.output });
  }

  return {
    async train(request, signal) {
      const key = keyOf(request);
      const known = trained.get(key) ?? (await train(request, signal));
      trained.set(key, known);
      return known;
    },
  };
}

/** What a training depends on besides the scenario and its seed. What a component reads follows from the names of it. */
function keyOf({ pipeline: _, upstream, previous, ...rest }: TrainingRequest): string {
  const digests = Object.entries(upstream).map(([name, { digest }]) => [name, digest]);
  return createHash("sha256")
    .update(JSON.stringify([rest, digests, previous?.digest ?? null]))
    .digest("hex");
}

function withColumns({ rows, columns }: Table, names: readonly string[]): Table {
  return { rows, columns: Object.fromEntries(names.map((name) => [name, columns[name] as NumericColumn])) };
}

/** A sample of the training rows, with the targets of what the component reads. More rows only add to fewer. */
function auditTable(pipeline: Pipeline, component: string, table: Table, all: Table, rows: number): Table {
  const annotated = componentNamed(pipeline, component).upstream.map((name) => componentNamed(pipeline, name).target);
  const sampled = createRandom(0, `audit/${component}`).permutation(table.rows).slice(0, rows).sort();
  return takeRows(withColumns(all, [...Object.keys(table.columns), ...annotated]), sampled);
}
