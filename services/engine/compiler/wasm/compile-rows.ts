import { ModuleBuilder } from "../../../common/wasm/module-builder.ts";
import { type Node, size, type Value } from "../graph/ir.ts";
import { attributesKey } from "../passes/common-subexpressions.ts";
import type { RowProgram } from "../row-program.ts";
import { generateStep } from "./generate-step.ts";
import { align, type Home, SLACK_BYTES } from "./lower/memory-plan.ts";

/** A row program as a WebAssembly module whose function `run` computes one block of rows. */
export interface WasmRows {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Addresses of the inputs, the parameters and the output, in the program's order. */
  readonly inputs: readonly number[];
  readonly parameters: readonly number[];
  readonly output: number;
}

/** @throws UnsupportedOperator if the program holds an operator that is not generated */
export function compileRows(program: RowProgram): WasmRows {
  const module = new ModuleBuilder();
  const homes = new Map<Value, Home>();
  let end = SLACK_BYTES;
  const place = ({ value }: { readonly value: Value }): number => {
    const address = end;
    homes.set(value, { address });
    end = align(end + 4 * size(value.shape) + SLACK_BYTES);
    return address;
  };
  const [inputs, parameters] = [program.inputs.map(place), program.parameters.map(place)];
  const generated = generateStep(module, {
    nodes: program.nodes,
    homes,
    kept: [],
    flushed: new Set(),
    results: [program.output.value],
    from: end,
  });
  module.export(
    "run",
    module.function({ parameters: [], results: [] }, (f) => generated.emit(f)),
  );
  const [{ address: output }] = generated.results as [Home];
  return { bytes: module.encode(generated.bytes + SLACK_BYTES, false), inputs, parameters, output };
}

/** A text that is equal for programs that compile to equal modules: everything but names and the parameters' values. */
export function rowProgramKey({ inputs, parameters, output, nodes }: RowProgram): string {
  const numbers = new Map<Value, number>();
  const name = (value: Value | null): string => {
    if (value === null) return "-";
    const known = numbers.get(value);
    if (known !== undefined) return `${known}`;
    numbers.set(value, numbers.size);
    const constant = value.constant === undefined ? "" : `=${Array.from<unknown, string>(value.constant, String)}`;
    return `${numbers.size - 1}:${value.type}[${value.shape}]${constant}`;
  };
  const node = ({ op, inputs: read, outputs, attributes }: Node) =>
    `${op}(${read.map(name)})${attributesKey(attributes)}${outputs.map(name)}`;
  const given = [...inputs, ...parameters].map(({ value }) => name(value));
  return [given, nodes.map(node), name(output.value)].join(";");
}
