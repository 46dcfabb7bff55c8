import { UncoupleError } from "../../../common/errors.ts";
import { type Attribute, type Graph, type Node, size, splatOf, subgraphs, type Value } from "../graph/ir.ts";
import type { AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto } from "./gen/onnx-schema.ts";
import { encodeModel, ONNX_ATTRIBUTE, ONNX_TYPE } from "./onnx-proto.ts";

/** The operator set that every emitted model uses. 19 is the first in which Equal compares strings. */
export const OPSET = 19;
export const IR_VERSION = 9;
export const PRODUCER = "uncouple";

/** Uniform constants above this many elements are stored as one number and expanded at load. */
const LARGEST_UNIFORM = 64;

/** The name of a graph input or output dimension that is only known at run time. */
export type SymbolicShape = readonly (number | string)[];

export interface EmitOptions {
  /** Declared shapes of graph inputs and outputs that replace the traced ones. */
  readonly shapes?: ReadonlyMap<Value, SymbolicShape>;
}

/** Serializes a graph as an ONNX model. */
export function emitOnnx(graph: Graph, options: EmitOptions = {}): Uint8Array {
  const names = new Map<Value, string>();
  const taken = new Set<string>();
  for (const { name } of [...graph.inputs, ...graph.outputs]) taken.add(name);
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: PRODUCER,
    opsetImport: [{ domain: "", version: OPSET }],
    graph: new GraphEmitter(names, taken, options).emit(graph, "main"),
  });
}

class GraphEmitter {
  private readonly names: Map<Value, string>;
  private readonly taken: Set<string>;
  private readonly options: EmitOptions;
  private readonly constants = new Map<Value, string>();
  private readonly initializers: TensorProto[] = [];
  private readonly nodes: NodeProto[] = [];

  constructor(names: Map<Value, string>, taken: Set<string>, options: EmitOptions) {
    this.names = names;
    this.taken = taken;
    this.options = options;
  }

  emit(graph: Graph, name: string): GraphProto {
    for (const input of graph.inputs) this.names.set(input.value, input.name);
    const made = new Set<Value>();
    for (const node of graph.nodes) for (const output of node.outputs) made.add(output);
    // Values with several output names, or not produced by a node of this graph, are output through Identity nodes.
    const copies: NodeProto[] = [];
    for (const output of graph.outputs) {
      if (made.has(output.value) && !this.names.has(output.value)) this.names.set(output.value, output.name);
      else copies.push({ opType: "Identity", input: [this.nameOf(output.value)], output: [output.name] });
    }
    for (const node of graph.nodes) this.nodes.push(this.node(node));
    return {
      name,
      node: [...this.nodes, ...copies],
      initializer: this.initializers,
      input: graph.inputs.map((input) => this.valueInfo(input.name, input.value)),
      output: graph.outputs.map((output) => this.valueInfo(output.name, output.value)),
    };
  }

  private node(node: Node): NodeProto {
    return {
      opType: node.op,
      input: node.inputs.map((input) => (input === null ? "" : this.nameOf(input))),
      output: node.outputs.map((output) => this.nameOf(output)),
      attribute: Object.entries(node.attributes).map(([name, attribute]) => this.attribute(name, attribute)),
    };
  }

  private attribute(name: string, attribute: Attribute): AttributeProto {
    if (typeof attribute === "number") return { name, type: ONNX_ATTRIBUTE.int, i: attribute };
    if (typeof attribute === "string") {
      return { name, type: ONNX_ATTRIBUTE.string, s: new TextEncoder().encode(attribute) };
    }
    if ("float" in attribute) return { name, type: ONNX_ATTRIBUTE.float, f: attribute.float };
    if ("graph" in attribute) {
      // A body sees the values of the graph around it, so the names are shared.
      for (const inner of [...attribute.graph.inputs, ...attribute.graph.outputs]) this.taken.add(inner.name);
      const body = new GraphEmitter(this.names, this.taken, {}).emit(attribute.graph, name);
      return { name, type: ONNX_ATTRIBUTE.graph, g: body };
    }
    return { name, type: ONNX_ATTRIBUTE.ints, ints: [...attribute] };
  }

  private nameOf(value: Value): string {
    // Constants are local to their graph: a body's initializers are not seen from outside.
    const names = value.constant === undefined ? this.names : this.constants;
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = this.freshName(value.constant === undefined ? "v" : "c");
    names.set(value, name);
    if (value.constant !== undefined) this.constant(name, value);
    return name;
  }

  private freshName(prefix: string): string {
    let name = `${prefix}${this.taken.size}`;
    while (this.taken.has(name)) name = `${name}_`;
    this.taken.add(name);
    return name;
  }

  private constant(name: string, value: Value): void {
    const splat = size(value.shape) > LARGEST_UNIFORM ? splatOf(value) : undefined;
    if (splat === undefined) {
      this.initializers.push(tensorProto(name, value));
      return;
    }
    const scalar = this.freshName("c");
    const shape = this.freshName("c");
    const dimensions = BigInt64Array.from(value.shape, BigInt);
    this.initializers.push(
      tensorProto(scalar, { type: "float32", shape: [], constant: Float32Array.of(splat) }),
      tensorProto(shape, { type: "int64", shape: [dimensions.length], constant: dimensions }),
    );
    this.nodes.push({ opType: "Expand", input: [scalar, shape], output: [name] });
  }

  private valueInfo(name: string, value: Value): ValueInfoProto {
    const shape = this.options.shapes?.get(value) ?? value.shape;
    return {
      name,
      type: {
        tensorType: {
          elemType: ONNX_TYPE[value.type],
          shape: {
            dim: shape.map((dimension) =>
              typeof dimension === "string" ? { dimParam: dimension } : { dimValue: dimension },
            ),
          },
        },
      },
    };
  }
}

function tensorProto(name: string, value: Value): TensorProto {
  const { constant } = value;
  if (constant === undefined) throw new UncoupleError("internal", `${name} is no constant`);
  const proto: TensorProto = { name, dims: [...value.shape], dataType: ONNX_TYPE[value.type] };
  if (ArrayBuffer.isView(constant)) {
    // The ONNX format is little-endian, and so is every platform that ONNX Runtime ships for.
    proto.rawData = new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength).slice();
  } else {
    proto.stringData = constant.map((text) => new TextEncoder().encode(text));
  }
  return proto;
}

/** Counts the nodes of a graph, including those of its loop bodies. */
export function countNodes(graph: Graph): number {
  let count = 0;
  for (const node of graph.nodes) {
    count++;
    for (const inner of subgraphs(node)) count += countNodes(inner);
  }
  return count;
}
