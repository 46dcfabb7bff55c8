import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { ModuleBuilder } from "../../services/common/wasm/module-builder.ts";
import { OP } from "../../services/common/wasm/opcodes.ts";
import { compileModule, instantiate } from "../../services/common/wasm/web-assembly.ts";
import { GraphBuilder, newValue, size, type Value } from "../../services/engine/compiler/graph/ir.ts";
import { emitOnnx } from "../../services/engine/compiler/onnx/emit-onnx.ts";
import { generateStep } from "../../services/engine/compiler/wasm/generate-step.ts";
import { align, type Home } from "../../services/engine/compiler/wasm/lower/memory-plan.ts";
import { numbers } from "../helpers/dense-program.ts";

/**
 * Measures the generated matrix products, and those of ONNX Runtime on one thread, on one machine in one run:
 *
 *     npx tsx test/bench/wasm-products.ts
 */

/** A product of a dense layer: `forward` is x W, `input gradient` g Wᵀ, `weight gradient` xᵀ g. */
export type Orientation = "forward" | "input gradient" | "weight gradient";

export interface Product {
  readonly orientation: Orientation;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

export interface WasmProductRate extends Product {
  /** GFLOP/s of the generated product. */
  readonly wasm: number;
  /** GFLOP/s of ONNX Runtime on one thread, with the overhead of a call. */
  readonly onnx: number;
}

/** The products of 10-64-64-3 and 10-256-256-3 with a batch of 256, and the largest of 4,096. */
export const PRODUCTS: readonly Product[] = [
  ...[64, 256].flatMap((width): Product[] => [
    { orientation: "forward", rows: 256, columns: width, depth: 10 },
    { orientation: "forward", rows: 256, columns: width, depth: width },
    { orientation: "forward", rows: 256, columns: 3, depth: width },
    { orientation: "input gradient", rows: 256, columns: width, depth: 3 },
    { orientation: "input gradient", rows: 256, columns: width, depth: width },
    { orientation: "weight gradient", rows: width, columns: 3, depth: 256 },
    { orientation: "weight gradient", rows: width, columns: width, depth: 256 },
    { orientation: "weight gradient", rows: 10, columns: width, depth: 256 },
  ]),
  { orientation: "forward", rows: 4096, columns: 256, depth: 256 },
  { orientation: "input gradient", rows: 4096, columns: 256, depth: 256 },
  { orientation: "weight gradient", rows: 256, columns: 256, depth: 4096 },
];

const STRETCHES = 40;
const FLOPS_OF_STRETCH = 2e7;
/** After the first call, V8 optimizes the module on another thread. */
const OPTIMIZATION_MS = 100;

function graphOf({ orientation, rows, columns, depth }: Product) {
  const transA = orientation === "weight gradient" ? 1 : 0;
  const transB = orientation === "input gradient" ? 1 : 0;
  const a = newValue("float32", transA ? [depth, rows] : [rows, depth]);
  const b = newValue("float32", transB ? [columns, depth] : [depth, columns]);
  const builder = new GraphBuilder();
  const y = builder.add("Gemm", [a, b], "float32", [rows, columns], { transA, transB });
  return { nodes: builder.nodes, a, b, y };
}

/** @returns a function that computes the product so many times */
function wasmProduct(product: Product): (times: number) => void {
  const { nodes, a, b, y } = graphOf(product);
  const module = new ModuleBuilder();
  const homes = new Map<Value, Home>();
  let from = 64;
  for (const value of [a, b]) {
    homes.set(value, { address: from });
    from = align(from + 4 * size(value.shape));
  }
  const step = generateStep(module, { nodes, homes, kept: [], flushed: new Set(), results: [y], from });
  const run = module.function({ parameters: ["i32"], results: [] }, (f) => {
    const times = f.parameter(0);
    f.repeat(() => {
      step.emit(f);
      f.get(times).i32(1).op(OP.i32Sub).tee(times);
    });
  });
  module.export("run", run);
  const exports = instantiate(compileModule(module.encode(step.bytes + 64, true)));
  const { memory, run: call } = exports as {
    readonly memory: { readonly buffer: ArrayBuffer };
    run(times: number): void;
  };
  for (const value of [a, b]) {
    const { address } = homes.get(value) as Home;
    new Float32Array(memory.buffer, address).set(numbers(size(value.shape), address));
  }
  return call;
}

async function onnxProduct(product: Product): Promise<(times: number) => Promise<void>> {
  const { nodes, a, b, y } = graphOf(product);
  const inputs = [
    { name: "a", value: a },
    { name: "b", value: b },
  ];
  const session = await InferenceSession.create(emitOnnx({ inputs, outputs: [{ name: "y", value: y }], nodes }), {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const tensor = ({ shape }: Value) => new Tensor("float32", numbers(size(shape), 1), [...shape]);
  const feeds = { a: tensor(a), b: tensor(b) };
  const fetches = { y: new Tensor("float32", new Float32Array(size(y.shape)), [...y.shape]) };
  return async (times) => {
    for (let time = 0; time < times; time++) await session.run(feeds, fetches);
  };
}

/** The fastest of many stretches, in GFLOP/s. */
async function rateOf(product: Product, run: (times: number) => Promise<void> | void): Promise<number> {
  const flops = 2 * product.rows * product.columns * product.depth;
  const times = Math.ceil(FLOPS_OF_STRETCH / flops);
  let best = Number.POSITIVE_INFINITY;
  await run(times);
  await setTimeout(OPTIMIZATION_MS);
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const start = performance.now();
    await run(times);
    best = Math.min(best, performance.now() - start);
  }
  return (flops * times) / best / 1e6;
}

/** Measures products, generated and in ONNX Runtime, on the calling thread. */
export async function wasmProductRates(products: readonly Product[] = PRODUCTS): Promise<WasmProductRate[]> {
  const rates: WasmProductRate[] = [];
  for (const product of products) {
    const wasm = await rateOf(product, wasmProduct(product));
    const onnx = await rateOf(product, await onnxProduct(product));
    rates.push({ ...product, wasm, onnx });
  }
  return rates;
}

export function wasmProductText({ orientation, rows, columns, depth, wasm, onnx }: WasmProductRate): string {
  const shape = `${rows} x ${columns}, depth ${depth}`;
  return `${orientation.padEnd(16)}${shape.padEnd(24)}${wasm.toFixed(1).padStart(8)}${onnx.toFixed(1).padStart(8)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`${"GFLOP/s".padEnd(40)}${"wasm".padStart(8)}${"onnx".padStart(8)}`);
  for (const rate of await wasmProductRates()) console.log(wasmProductText(rate));
}
