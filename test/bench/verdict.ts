import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Column, Table } from "../../services/data/table/table.ts";
import { createInference, DEFAULT_INFERENCE } from "../../services/inference/client/create-inference.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";
import { modelOfBytes } from "../../services/inference/hosted-model.ts";
import type { HostedModel, Inference, Stage } from "../../services/inference/inference.ts";
import { checkOutput } from "../../services/learning/snapshot/check-output.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import { snapshotContract } from "../../services/learning/snapshot/snapshot-contract.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../../services/pipeline/dag.ts";
import type { OutputSpec } from "../../services/pipeline/pipeline.ts";
import { denseBytes, heldOutOf, oracleOf, spoilt, twoStage } from "../helpers/dense-snapshots.ts";
import { openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { floats, onnxOf, slow } from "../helpers/expensive-models.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { describeMachine, machineText } from "./machine.ts";
import { median } from "./median.ts";

/**
 * Measures what judging costs with inference hosts: composing in a host and in this process, from an announcement to its
 * verdict, a backlog, a large pipeline, and health checks beside the worst model.
 *
 *     npm run bench:verdict [-- --only compose,verdict,backlog,large,live] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "compose,verdict,backlog,large,live" },
    json: { type: "boolean", default: false },
  },
});

interface Result {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
}

const TIMES = 30;
/** Of compositions: as long as compilers still work in the background, they take this process's core from the host, or reversely. */
const WARM_UP = 100;
const m1 = oracleOf("m1");
const m2 = oracleOf("m2");

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = systemClock.elapsed();
  await work();
  return systemClock.elapsed() - start;
}

function hosts(): Inference {
  const { memoryBytes } = DEFAULT_INFERENCE;
  const connector = spawnedHosts({ memoryBytes, node: process.execPath }, systemClock);
  return createInference(DEFAULT_INFERENCE, { connector, clock: systemClock });
}

/** Snapshots of m2 that a verdict composes with an update of m1: the current one and seven others. */
const DOWNSTREAM = 8;

/** A new snapshot of m1 each time, composed with the same ones of m2: what an evaluator does for each announcement. */
async function compose(): Promise<Result[]> {
  const heldOut = await heldOutOf({ ...twoStage, data: { ...twoStage.data, rows: 20_000 } as typeof twoStage.data });
  const schema = Object.entries(heldOut.columns).map(([name, { kind, width }]) => ({ name, kind, width }));
  const modelOf = (component: string, bytes: Uint8Array) =>
    modelOfBytes(component, bytes, snapshotContract(twoStage, componentNamed(twoStage, component), schema));
  const downstream = Array.from({ length: DOWNSTREAM }, (_, index) =>
    modelOf("m2", denseBytes(spoilt(m2, 0.05 * index, index), "y")),
  );
  const inference = hosts();
  const loaded = await Promise.all(downstream.map(load));
  async function measure(composeWith: (upstream: HostedModel) => Promise<void>): Promise<number[]> {
    const taken: number[] = [];
    for (let time = 0; time < WARM_UP + TIMES; time++) {
      const upstream = modelOf("m1", denseBytes(spoilt(m1, 0.1, time), "z"));
      taken.push(await milliseconds(() => composeWith(upstream)));
    }
    return taken.slice(WARM_UP);
  }
  const results: Result[] = [];
  for (const count of [1, DOWNSTREAM]) {
    const there = await measure((upstream) => composeThere(inference, upstream, downstream.slice(0, count), heldOut));
    const here = await measure((upstream) => composeHere(upstream, loaded.slice(0, count), heldOut));
    const [inHost, inProcess] = [median(there), median(here)];
    const what = `composing ${heldOut.rows} rows with ${count} downstream`;
    results.push(
      { what: `${what}, in a host`, value: inHost, unit: "ms", goal: "" },
      { what: `${what}, in this process`, value: inProcess, unit: "ms", goal: "" },
      { what: "ratio", value: inHost / inProcess, unit: "", goal: "<= 1.3" },
    );
  }
  await inference.close();
  return results;
}

const outputOf = (component: string): OutputSpec => componentNamed(twoStage, component).output;

async function composeThere(
  inference: Inference,
  upstream: HostedModel,
  downstream: readonly HostedModel[],
  { rows, columns }: Table,
) {
  const stages: Stage[] = [
    { model: upstream, inputs: { x1: { column: columns.x1 as Column } }, output: outputOf("m1") },
    ...downstream.map((model): Stage => {
      const inputs = { x2: { column: columns.x2 as Column }, z: { stage: 0 } };
      return { model, inputs, output: outputOf("m2") };
    }),
  ];
  await inference.run({ rows, stages, wanted: downstream.map((_, index) => index + 1), keep: true });
}

async function load({ bytes, contract }: HostedModel): Promise<SnapshotModel> {
  return loadSnapshotModel(await bytes(), contract);
}

async function composeHere(upstream: HostedModel, downstream: readonly SnapshotModel[], { rows, columns }: Table) {
  const model = await load(upstream);
  const z = await model.predict({ rows, columns });
  checkOutput(outputOf("m1"), z);
  const read: Table = { rows, columns: { ...columns, z: { kind: "numeric", width: outputOf("m1").width, values: z } } };
  for (const model of downstream) checkOutput(outputOf("m2"), await model.predict(read));
}

/** The paper's pipeline with 10,000 held-out rows and seven alternatives. */
async function verdict(): Promise<Result[]> {
  const nats = await startTestNats();
  const world = await openEvaluatorWorld(nats.url, "verdict", 20_000);
  const evaluator = await world.evaluator();
  for (let serial = 1; serial <= 8; serial++) await world.publish("m2", spoilt(m2, 0.05 * serial, serial));
  await world.publish("m1", spoilt(m1, 0.5));
  await world.settled(9);
  const taken: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    await world.publish("m1", spoilt(m1, 0.4, time));
    const leaving = new AbortController();
    const start = systemClock.elapsed();
    for await (const { value } of world.backplane.verdicts.watch(0, leaving.signal)) {
      if (value.component === "m1" && value.serial === time + 2) break;
    }
    taken.push(systemClock.elapsed() - start);
    leaving.abort();
    // The matrix is computed in between.
    await systemClock.sleep(300);
  }
  await evaluator.stop();
  await world.close();
  await nats.stop();
  return [
    { what: "announcement to verdict with 7 alternatives, p50", value: median(taken), unit: "ms", goal: "<= 50" },
  ];
}

async function backlog(): Promise<Result[]> {
  const count = 200;
  const nats = await startTestNats();
  const world = await openEvaluatorWorld(nats.url, "backlog", 20_000);
  await world.publish("m2", m2);
  for (let serial = 1; serial < count; serial++) await world.publish("m1", spoilt(m1, 0.4, serial));
  const evaluator = await world.evaluator();
  const taken = await milliseconds(() => world.settled(count));
  await evaluator.stop();
  await world.close();
  await nats.stop();
  return [{ what: `backlog of ${count} snapshots`, value: (1000 * count) / taken, unit: "per s", goal: ">= 15" }];
}

/** A chain of 12 components over 10 million rows of one column. */
async function large(): Promise<Result[]> {
  const rows = 10_000_000;
  const width = { name: "x", kind: "numeric", width: 1 } as const;
  const contract = { inputs: [width], output: { ...width, name: "y" } };
  const column: Column = {
    kind: "numeric",
    width: 1,
    values: Float32Array.from({ length: rows }, (_, row) => row % 97),
  };
  const stages = Array.from({ length: 12 }, (_, stage): Stage => {
    const bytes = onnxOf(
      contract,
      [{ opType: "MatMul", input: ["x", `w${stage}`], output: ["y"] }],
      [floats(`w${stage}`, [1, 1], () => 1)],
    );
    return {
      model: modelOfBytes(`c${stage}`, bytes, contract),
      inputs: { x: stage === 0 ? { column } : { stage: stage - 1 } },
      output: { name: "y", width: 1, meaning: "scalar" },
    };
  });
  const inference = hosts();
  const taken = await milliseconds(() => inference.run({ rows, stages, wanted: [11], keep: true }));
  await inference.close();
  return [
    { what: "10 million rows through 12 components, within 2 GiB", value: taken / 1000, unit: "s", goal: "<= 60" },
  ];
}

/** How late a timer of the service fires, and `/livez` answers, while the slowest model is judged. */
async function live(): Promise<Result[]> {
  const nats = await startTestNats();
  const world = await openEvaluatorWorld(nats.url, "live", 20_000);
  const evaluator = await world.evaluator({ inference: { timeoutSeconds: 3 } });
  await world.publish("m2", m2);
  const bytes = slow(3000, 256, {
    inputs: [{ name: "x1", kind: "numeric", width: m1.inputs[0]?.width as number }],
    output: { name: "z", kind: "numeric", width: outputOf("m1").width },
  });
  await world.publish("m1", bytes);
  let judged = false;
  const settled = world.settled(2).then(() => {
    judged = true;
  });
  const taken: number[] = [];
  while (!judged) {
    taken.push(await milliseconds(async () => (await fetch(`http://127.0.0.1:${evaluator.httpPort}/livez`)).text()));
    await systemClock.sleep(20);
  }
  await settled;
  await evaluator.stop();
  await world.close();
  await nats.stop();
  return [
    { what: "/livez while the worst model is judged, slowest", value: Math.max(...taken), unit: "ms", goal: "<= 100" },
  ];
}

const all: Readonly<Record<string, () => Promise<Result[]>>> = { compose, verdict, backlog, large, live };
const machine = describeMachine();
const results: Result[] = [];
for (const name of options.only.split(",")) {
  const measure = all[name];
  if (measure === undefined) throw new Error(`no measurement ${name}; there are: ${Object.keys(all).join(", ")}`);
  results.push(...(await measure()));
}
if (options.json) console.log(JSON.stringify({ machine, results }, null, 2));
else {
  const text = results.map(({ what, value, unit, goal }) => {
    const measured = `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ${unit}`;
    return `${what.padEnd(56)} ${measured.padStart(12)}  ${goal}`;
  });
  console.log([...machineText(machine), "", ...text].join("\n"));
}
