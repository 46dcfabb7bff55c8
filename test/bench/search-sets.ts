import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { composeLosses } from "../../services/composition/compose-losses.ts";
import { createComposer } from "../../services/composition/composer.ts";
import { createRandom } from "../../services/data/random/random.ts";
import type { CounterfactualOracle, DenseLayer } from "../../services/data/source/oracle.ts";
import type { Column, Table } from "../../services/data/table/table.ts";
import { createInference, DEFAULT_INFERENCE } from "../../services/inference/client/create-inference.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";
import { modelOfBytes } from "../../services/inference/hosted-model.ts";
import type { HostedModel } from "../../services/inference/inference.ts";
import { snapshotContract } from "../../services/learning/snapshot/snapshot-contract.ts";
import { componentNamed } from "../../services/pipeline/dag.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import { searchSets } from "../../services/releases/sets/search-sets.ts";
import { denseBytes, spoilt } from "../helpers/dense-snapshots.ts";
import { component, pipelineOf } from "../helpers/linear-pipelines.ts";
import { screenOf } from "../helpers/planted-worlds.ts";
import { describeMachine, machineText } from "./machine.ts";

/**
 * Measures what the search of a set costs in chains of dense networks, composed in an inference host: how many compositions
 * it measures, and how long all of it takes, and without composing.
 *
 *     npm run bench:sets [-- --rows 10000]
 */
const { values: options } = parseArgs({ options: { rows: { type: "string", default: "10000" } } });
const ROWS = Number(options.rows);
const HIDDEN = 16;

interface Case {
  readonly components: number;
  readonly snapshots: number;
  readonly budget: number;
}

const CASES: readonly Case[] = [
  { components: 2, snapshots: 8, budget: 20_000 },
  { components: 6, snapshots: 4, budget: 600 },
  { components: 6, snapshots: 4, budget: 20_000 },
  { components: 12, snapshots: 4, budget: 2_000 },
];

/** c0 reads x; each of the others reads x and the one before. */
function chainOf(components: number): Pipeline {
  return pipelineOf(
    Array.from({ length: components }, (_, at) =>
      component({ name: `c${at}`, columns: ["x"], upstream: at === 0 ? [] : [`c${at - 1}`] }),
    ),
    `c${components - 1}`,
  );
}

function networkOf(name: string, inputs: CounterfactualOracle["inputs"]): CounterfactualOracle {
  const random = createRandom(1, name);
  const layer = (wide: number, outputs: number): DenseLayer => ({
    inputs: wide,
    outputs,
    weights: Float32Array.from({ length: wide * outputs }, () => random.gaussian() / Math.sqrt(wide)),
    bias: new Float32Array(outputs),
  });
  return { inputs, layers: [layer(inputs.length, HIDDEN), layer(HIDDEN, 1)] };
}

async function measure({ components, snapshots, budget }: Case): Promise<string> {
  const pipeline = chainOf(components);
  const random = createRandom(1, "rows");
  const column = (): Column => ({
    kind: "numeric",
    width: 1,
    values: Float32Array.from({ length: ROWS }, random.gaussian),
  });
  const heldOut: Table = { rows: ROWS, columns: { x: column() } };
  const { memoryBytes } = DEFAULT_INFERENCE;
  const connector = spawnedHosts({ memoryBytes, node: process.execPath }, systemClock);
  const inference = createInference(DEFAULT_INFERENCE, { connector, clock: systemClock });
  const models = new Map<string, HostedModel>();
  // Serial 0 is the truth; newer snapshots are nearer to it.
  for (const described of pipeline.components) {
    const { name, upstream, output } = described;
    const contract = snapshotContract(pipeline, described, [{ name: "x", kind: "numeric", width: 1 }]);
    const truth = networkOf(name, [
      { name: "x", width: 1 },
      ...upstream.map((other) => ({ name: componentNamed(pipeline, other).output.name, width: 1 })),
    ]);
    for (let serial = 0; serial <= snapshots; serial++) {
      const network = serial === 0 ? truth : spoilt(truth, 0.3 / serial, serial);
      models.set(`${name}@${serial}`, modelOfBytes(`${name}@${serial}`, denseBytes(network, output.name), contract));
    }
  }
  const composer = createComposer(
    { pipeline, heldOut, outputCacheBytes: 256 * 1024 ** 2 },
    { inference, modelOf: async ({ name }, serial) => models.get(`${name}@${serial}`) as HostedModel },
  );
  const truth = Object.fromEntries(pipeline.components.map(({ name }) => [name, 0]));
  const objective = pipeline.objective as string;
  const values = (await composer.output(objective, truth)).map((value) => value + 0.1 * random.gaussian());
  const losses = composeLosses(pipeline, composer, new Map([[objective, { kind: "values", rows: ROWS, values }]]));
  const known = new Map<string, Float64Array>();
  async function search(isComposed: boolean) {
    const { screen } = screenOf((_, composition) => known.get(JSON.stringify(composition)) as Float64Array);
    const rowLosses: typeof losses.rowLosses = async (name, composition) => {
      const composed = await losses.rowLosses(name, composition);
      known.set(JSON.stringify(composition), composed);
      return composed;
    };
    const started = systemClock.elapsed();
    const found = await searchSets({
      pipeline,
      screen: isComposed ? { ...screen, losses: { ...losses, rowLosses } } : screen,
      release: Object.fromEntries(pipeline.components.map(({ name }) => [name, 1])),
      movable: () => Array.from({ length: snapshots - 1 }, (_, index) => index + 2),
      trainedOn: (name, serial) =>
        Object.fromEntries(
          pipeline.components.filter((other) => other.name < name).map((other) => [other.name, serial]),
        ),
      margin: 0.01,
      budget,
      signal: new AbortController().signal,
    });
    return { found, taken: systemClock.elapsed() - started };
  }
  const composed = await search(true);
  const alone = await search(false);
  await composer.close();
  await inference.close();
  const { measured = 0, isExhaustive = false, moves = {} } = composed.found ?? {};
  return [
    `${components} x ${snapshots}`.padEnd(8),
    (snapshots ** components).toLocaleString("en-US").padStart(12),
    measured.toLocaleString("en-US").padStart(10),
    (isExhaustive ? "all" : "climb").padStart(7),
    `${composed.taken.toFixed(0)} ms`.padStart(10),
    `${alone.taken.toFixed(0)} ms`.padStart(10),
    `   ${Object.keys(moves).length} move`,
  ].join("");
}

console.log(machineText(describeMachine()).join("\n"));
console.log(`\nchains of dense networks, ${ROWS.toLocaleString("en-US")} rows, one host:`);
console.log("size     compositions  measured    how      time   without composing");
for (const one of CASES) console.log(await measure(one));
