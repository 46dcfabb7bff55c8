import { cos, square } from "../../common/elementary.ts";
import { RecentlyUsed } from "../../common/recently-used.ts";
import { mean } from "../../common/statistics.ts";
import { createRandom } from "../../data/random/random.ts";
import { type CounterfactualOracle, type DenseLayer, evaluateOracle } from "../../data/source/oracle.ts";
import { drawNetworks, type NetworkArchitecture } from "../../data/synthetic/networks.ts";
import { type RootVariable, sampleModel } from "../../data/synthetic/structural-model.ts";
import type { Column, NumericColumn, Table } from "../../data/table/table.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { columnOf, outputOf, scenarioPipeline } from "../scenario/scenario-pipeline.ts";
import { livesOf, type Stage, stagesOf } from "../scenario/stages.ts";
import { composedOracle } from "./composed-oracle.ts";

/** The rows of one epoch: a time in which nothing about the data changes. */
export interface TruthRows {
  /** All columns and observed targets of all components. */
  readonly training: Table;
  readonly heldOut: Table;
  /** The held-out rows with true values in place of observed targets. */
  readonly exact: Table;
  /** Mean pipeline loss of the true functions on the held-out rows: what the noise alone makes. */
  readonly irreducible: number;
  /** The true function of a component of any stage: of one that is yet to be split, the composition of those of its parts. */
  oracle(component: string): CounterfactualOracle;
}

/** The data-generating process of a whole organization. Deterministic in the scenario and the seed. */
export interface Truth {
  /** The number of the epoch at a tick. */
  epochAt(tick: number): number;
  /** Keeps the rows of the last few epochs: trainings may have started before the current one. */
  rowsOf(epoch: number): TruthRows;
}

/** Over which outputs are standardized: enough for widths of tens, and 200 components take two seconds. */
const STANDARDIZATION_ROWS = 4000;
const EPOCHS_KEPT = 3;

export function drawTruth(scenario: Scenario, seed: number): Truth {
  const { drift, training } = scenario;
  const stages = stagesOf(scenario);
  // The truth of the last stage is that of all: what is one component before a split is two functions from the start.
  const last = stages.at(-1) as Stage;
  const pipeline = scenarioPipeline(scenario, last, seed);
  const model = drawNetworks(architectureOf(scenario, last, pipeline), seed, STANDARDIZATION_ROWS);
  const functions = new Map(livesOf(stages).map(({ team }) => [team.name, team.functions]));
  const changes = drift.inputs > 0 || drift.truth > 0 || training.growth > 0;
  const recent = new RecentlyUsed<TruthRows>(EPOCHS_KEPT);

  function oraclesAt(epoch: number): ReadonlyMap<string, CounterfactualOracle> {
    return new Map(
      model.caused.map(({ component, mechanism }): [string, CounterfactualOracle] => {
        const name = component as string;
        const { inputs, layers } = mechanism as CounterfactualOracle;
        const angle = drift.truth * epoch;
        return [name, { inputs, layers: angle === 0 ? layers : rotated(layers, name, angle, seed) }];
      }),
    );
  }

  function tableOf(
    rows: number,
    stream: string,
    epoch: number,
    oracles: ReadonlyMap<string, CounterfactualOracle>,
  ): { readonly table: Table; readonly exact: Table } {
    const numbers = Int32Array.from({ length: rows }, (_, row) => row);
    const names = model.roots.map(({ name }) => name);
    const values = new Map(
      Object.entries(sampleModel({ roots: model.roots, caused: [] }, names, numbers, seed, stream)),
    );
    const shift = drift.inputs * epoch;
    if (shift !== 0)
      for (const column of values.values())
        for (let i = 0; i < column.length; i++) column[i] = (column[i] as number) + shift;
    const columns: Record<string, Column> = {};
    for (const { name, width } of model.roots) {
      columns[name] = { kind: "numeric", width, values: values.get(name) as Float32Array };
    }
    const exact = { ...columns };
    for (const { name, output } of pipeline.components) {
      const oracle = oracles.get(name) as CounterfactualOracle;
      const read = oracle.inputs.map((input) => values.get(input.name) as Float32Array);
      const truth = evaluateOracle(oracle, read, rows);
      values.set(output.name, truth);
      const { width } = output;
      exact[output.name] = { kind: "numeric", width, values: truth };
      const observed = noisy(truth, scenario.truth.noise, seed, `noise/${stream}/${name}`);
      columns[output.name] = { kind: "numeric", width, values: observed };
    }
    return { table: { rows, columns }, exact: { rows, columns: exact } };
  }

  function irreducibleLoss(table: Table, exact: Table): number {
    return objectivesOf(pipeline).reduce((sum, { component: name, weight }) => {
      const component = componentNamed(pipeline, name);
      const truth = (exact.columns[component.output.name] as NumericColumn).values;
      return (
        sum + weight * mean(rowLosses(component, truth, targetOf(component, table.columns[component.target] as Column)))
      );
    }, 0);
  }

  function rowsAt(epoch: number): TruthRows {
    const oracles = oraclesAt(epoch);
    const heldOut = tableOf(training.heldOut, "held-out", epoch, oracles);
    return {
      training: tableOf(training.rows + training.growth * epoch, "training", epoch, oracles).table,
      heldOut: heldOut.table,
      exact: heldOut.exact,
      irreducible: irreducibleLoss(heldOut.table, heldOut.exact),
      oracle: (component) =>
        (functions.get(component) ?? [])
          .map((name) => oracles.get(name) as CounterfactualOracle)
          .reduce(composedOracle),
    };
  }

  return {
    epochAt: (tick) => (changes ? Math.floor(tick) : 0),
    rowsOf: (epoch) => recent.get(String(epoch), () => rowsAt(epoch)),
  };
}

function architectureOf({ truth }: Scenario, { teams }: Stage, pipeline: Pipeline): NetworkArchitecture {
  const roots = teams.map(
    ({ name, reads }): RootVariable => ({
      name: columnOf(name),
      width: reads.length === 0 ? truth.rootColumns : truth.columns,
      distribution: "gaussian",
    }),
  );
  const networks = teams.map(({ name, reads, width }) => ({
    component: name,
    columns: [columnOf(name)],
    upstream: reads.map(outputOf),
    output: outputOf(name),
    width: componentNamed(pipeline, name).output.width,
    hidden: width ?? (reads.length === 0 ? truth.rootWidth : truth.width),
    gain: truth.coupling,
  }));
  return { roots, networks };
}

/** The hidden weights W at an angle: cos W + sin V, with V of the same variance, so that the function keeps its scale. */
function rotated(layers: readonly DenseLayer[], component: string, angle: number, seed: number): readonly DenseLayer[] {
  const [first, ...others] = layers as [DenseLayer, ...DenseLayer[]];
  const along = cos(angle);
  const across = cos(angle - Math.PI / 2);
  const sigma = Math.sqrt(mean(first.weights.map((weight) => square(weight))));
  const other = new Float32Array(first.weights.length);
  createRandom(seed, `drift/${component}`).fillGaussian(other, sigma);
  const weights = first.weights.map((weight, i) => along * weight + across * (other[i] as number));
  return [{ ...first, weights }, ...others];
}

function noisy(values: Float32Array, sigma: number, seed: number, stream: string): Float32Array {
  if (sigma === 0) return values;
  const noise = new Float32Array(values.length);
  createRandom(seed, stream).fillGaussian(noise, sigma);
  return values.map((value, i) => value + (noise[i] as number));
}
