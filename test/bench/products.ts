import { InferenceSession, Tensor } from "onnxruntime-node";
import { GraphBuilder, newValue } from "../../services/engine/compiler/graph/ir.ts";
import { emitOnnx } from "../../services/engine/compiler/onnx/emit-onnx.ts";
import type { Peer } from "./peers/peer.ts";

/** The rate of a matrix product, [m, k] times [k, n]. */
export interface ProductRate {
  readonly library: string;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly threads: number;
  readonly gflops: number;
}

type Shape = readonly [m: number, k: number, n: number];

/** A large square one, and those of the model 10-256-256-3 with batches of 256 and 4,096, forward and backward. */
const SHAPES: readonly Shape[] = [
  [1024, 1024, 1024],
  [256, 256, 256],
  [4096, 256, 256],
  [256, 4096, 256],
];
const SECONDS = 0.3;

/** Measures matrix products in ONNX Runtime and the peers. */
export async function productRates(peers: readonly Peer[], threads: number): Promise<ProductRate[]> {
  const rates: ProductRate[] = [];
  for (const shape of SHAPES) {
    const [m, k, n] = shape;
    rates.push({ library: "ONNX Runtime", m, k, n, threads, gflops: await onnxProduct(shape, threads) });
    for (const peer of peers) {
      rates.push({ library: peer.hello.library, m, k, n, threads, gflops: await peer.product(shape, SECONDS) });
    }
  }
  return rates;
}

async function onnxProduct([m, k, n]: Shape, threads: number): Promise<number> {
  const builder = new GraphBuilder();
  const [a, b] = [newValue("float32", [m, k]), newValue("float32", [k, n])];
  const c = builder.add("MatMul", [a, b], "float32", [m, n]);
  const inputs = [
    { name: "a", value: a },
    { name: "b", value: b },
  ];
  const bytes = emitOnnx({ inputs, nodes: builder.nodes, outputs: [{ name: "c", value: c }] });
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  const feeds = {
    a: new Tensor("float32", new Float32Array(m * k).fill(1), [m, k]),
    b: new Tensor("float32", new Float32Array(k * n).fill(1), [k, n]),
  };
  await session.run(feeds);
  let fastest = Number.POSITIVE_INFINITY;
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    const before = performance.now();
    await session.run(feeds);
    fastest = Math.min(fastest, performance.now() - before);
  }
  await session.release();
  return (2e-6 * m * k * n) / fastest;
}

/** The machine's rate with so many threads: the best of all, in GFLOP/s. */
export function machineRate(rates: readonly ProductRate[], threads: number): number {
  return Math.max(...rates.filter((rate) => rate.threads === threads).map(({ gflops }) => gflops));
}

/** One line a shape. */
export function productText(rates: readonly ProductRate[]): string[] {
  return SHAPES.map(([m, k, n]) => {
    const same = rates.filter((rate) => rate.m === m && rate.k === k && rate.n === n);
    const each = same.map(({ library, gflops }) => `${library} ${gflops.toFixed(1)}`);
    return `  ${`[${m}, ${k}] x [${k}, ${n}]`.padEnd(28)}${each.join(", ")}`;
  });
}
