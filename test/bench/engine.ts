import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { type CompileTime, compileTime } from "./compile-times.ts";
import { type Contestant, contestantsFor, ENGINES, type Size } from "./contestants.ts";
import { gpuRows } from "./gpu.ts";
import { describeMachine, machineText, pin } from "./machine.ts";
import { median } from "./median.ts";
import { PEERS, Peer } from "./peers/peer.ts";
import { machineRate, type ProductRate, productRates, productText } from "./products.ts";
import { sizeText } from "./report.ts";
import type { Row } from "./row.ts";

/**
 * Measures microseconds per training step of every engine and of PyTorch and JAX, on one machine in one run, with equal
 * cores: this process and the peers are pinned to as many as a size has threads. Engines and peers alternate in rounds, and
 * only one of them computes at a time. The result of a round is its fastest stretch of about ten milliseconds, and that of an
 * engine its median round, which limits the influence of other work on the machine.
 *
 *     npm run bench:engine [-- --json] [-- --python PATH] [-- --rounds N] [-- --model 8-64-1] [-- --engine jax:scan]
 *
 * `--python` is a Python that has torch and jax (default: python3); `--model` and `--engine` may repeat, and limit the run.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "5" },
    model: { type: "string", multiple: true },
    engine: { type: "string", multiple: true },
  },
});

const SIZES: readonly Size[] = [
  { widths: [10, 3], batch: 64, threads: 1 },
  { widths: [8, 16, 1], batch: 64, threads: 1 },
  { widths: [8, 64, 1], batch: 64, threads: 1 },
  { widths: [10, 64, 64, 3], batch: 256, threads: 1 },
  { widths: [10, 256, 256, 3], batch: 256, threads: 1 },
  { widths: [10, 256, 256, 3], batch: 4096, threads: 1 },
  { widths: [10, 64, 64, 3], batch: 256, threads: 2 },
  { widths: [10, 256, 256, 3], batch: 256, threads: 2 },
  { widths: [10, 256, 256, 3], batch: 4096, threads: 2 },
];

const say = (line: string) => {
  if (!options.json) console.log(line);
};
const skipped: string[] = [];
const skip = (line: string) => {
  skipped.push(line);
  say(line);
};
const wantedModel = ({ widths }: Size) => options.model?.includes(widths.join("-")) ?? true;
const wantedEngine = (name: string) => options.engine?.includes(name) ?? true;

async function startPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const kind of PEERS) {
    if (options.engine?.every((name) => !name.startsWith(`${kind.name}:`))) continue;
    const peer = await Peer.start(kind, options.python);
    if (peer instanceof Peer) peers.push(peer);
    else skip(`${kind.name} skipped: ${options.python}: ${peer}`);
  }
  return peers;
}

async function rounds(contestants: readonly Contestant[]): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const { name, measure } of contestants) times.get(name)?.push(await measure());
  }
  return times;
}

async function measureSize(size: Size, peers: readonly Peer[]): Promise<Row[]> {
  const contestants = await contestantsFor(size, peers, wantedEngine, skip);
  const times = await rounds(contestants);
  for (const { close } of contestants) await close();
  const { batch, threads } = size;
  const model = size.widths.join("-");
  return [...times].map(([engine, all]) => ({ engine, model, batch, threads, microsPerStep: median(all) }));
}

async function main(): Promise<void> {
  const machine = describeMachine();
  for (const line of machineText(machine)) say(line);
  setWasmPaths(new URL("../../node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url).pathname);
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.setBackend("cpu");

  const compileTimes: CompileTime[] = [];
  const products: ProductRate[] = [];
  const rows: Row[] = [];
  for (const threads of [1, 2]) {
    const sizes = SIZES.filter((size) => size.threads === threads && wantedModel(size));
    if (sizes.length === 0) continue;
    if (threads > machine.cores) {
      skip(`${threads} threads skipped: ${machine.cores} core(s) available`);
      continue;
    }
    const unpinned = pin(threads);
    if (unpinned !== undefined) skip(unpinned);
    // Anew, because a library counts the processors when it loads.
    const peers = await startPeers();
    if (sizes.some(({ widths }) => widths.includes(256))) {
      const measured = await productRates(peers, threads);
      products.push(...measured);
      say(`\nMatrix products, ${threads} thread(s): GFLOP/s`);
      for (const line of productText(measured)) say(line);
    }
    for (const size of sizes) {
      const measured = await measureSize(size, peers);
      const rate = products.length > 0 ? machineRate(products, threads) : undefined;
      for (const line of ["", ...sizeText(size, measured, rate)]) say(line);
      rows.push(...measured);
    }
    if (threads === 1 && options.model === undefined && options.engine === undefined)
      rows.push(...(await gpuRows(peers, say, skip)));
    for (const peer of peers) await peer.stop();
  }
  if (options.model?.includes("8-64-1") ?? true) {
    for (const engine of Object.keys(ENGINES).filter(wantedEngine)) compileTimes.push(await compileTime(engine));
    say("\nCompiling 8-64-1: milliseconds");
    for (const { engine, coldMillis, cachedMillis } of compileTimes) {
      say(`  ${engine.padEnd(18)}${coldMillis.toFixed(1)} in a fresh process, ${cachedMillis.toFixed(1)} after that`);
    }
  }
  if (rows.length === 0) throw new Error("nothing was measured: no size or engine has the given name");
  if (options.json) console.log(JSON.stringify({ machine, rows, products, compileTimes, skipped }));
}

// Exiting ends the peers and the other child processes.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await main();
process.exit(0);
