import { ModuleBuilder } from "../../services/common/wasm/module-builder.ts";
import { compileModule, instantiate } from "../../services/common/wasm/web-assembly.ts";
import type { Graph, Value } from "../../services/engine/compiler/graph/ir.ts";
import { size } from "../../services/engine/compiler/graph/ir.ts";
import { generateStep } from "../../services/engine/compiler/wasm/generate-step.ts";
import { align, type Home } from "../../services/engine/compiler/wasm/lower/memory-plan.ts";
import { graphOf, inputValues, type TensorFunction, type TensorValues, type TestInput } from "./compiled-function.ts";

/** Compiles a graph to a WebAssembly module. @returns a function that runs it */
export function compileWasmGraph(graph: Graph): (inputs: readonly TestInput[]) => TensorValues[] {
  const module = new ModuleBuilder();
  const homes = new Map<Value, Home>();
  let from = 64;
  for (const { value } of graph.inputs) {
    homes.set(value, { address: from });
    from = align(from + 4 * size(value.shape));
  }
  const results = graph.outputs.map(({ value }) => value);
  const step = generateStep(module, { nodes: graph.nodes, homes, kept: [], flushed: new Set(), results, from });
  module.export(
    "run",
    module.function({ parameters: [], results: [] }, (f) => step.emit(f)),
  );
  const exports = instantiate(compileModule(module.encode(step.bytes + 64, true))) as {
    readonly memory: { readonly buffer: ArrayBuffer };
    run(): void;
  };
  return (inputs) => {
    inputs.forEach((input, index) => {
      const { address } = homes.get(graph.inputs[index]?.value as Value) as Home;
      const values = inputValues(input, index);
      if (input.int) new Int32Array(exports.memory.buffer, address).set(values);
      else new Float32Array(exports.memory.buffer, address).set(values);
    });
    exports.run();
    return results.map(({ type, shape }, index) => {
      const { address } = step.results[index] as Home;
      const data = new (type === "float32" ? Float32Array : Int32Array)(exports.memory.buffer, address, size(shape));
      const values = Array.from(data, (value) => (type === "bool" ? Number(value !== 0) : value));
      return { shape, dtype: type, values };
    });
  };
}

/** Runs a graph as a WebAssembly module. */
export function runWasmGraph(graph: Graph, inputs: readonly TestInput[]): TensorValues[] {
  return compileWasmGraph(graph)(inputs);
}

export function runWasm(work: TensorFunction, inputs: readonly TestInput[]): TensorValues[] {
  return runWasmGraph(graphOf(work, inputs), inputs);
}
