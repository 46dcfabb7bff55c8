import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";

/** The contract of every model of the corpus, unless breaking it is the point: m1 of the paper's pipeline. */
export const INPUT = { name: "x1", width: 10 } as const;
export const OUTPUT = { name: "z", width: 3 } as const;

const TYPES = { float: 1, int32: 6, int64: 7, string: 8, bool: 9, double: 11 } as const;

export function value(
  name: string,
  dims: readonly (number | string)[],
  type: keyof typeof TYPES = "float",
): ValueInfoProto {
  const dim = dims.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}

export function floats(name: string, dims: readonly number[], of: (index: number) => number = () => 0.5): TensorProto {
  const count = dims.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: count }, (_, index) => of(index));
  return { name, dims: [...dims], dataType: TYPES.float, rawData: new Uint8Array(data.buffer) };
}

export function ints(name: string, values: readonly number[], dims: readonly number[] = [values.length]): TensorProto {
  const data = BigInt64Array.from(values, BigInt);
  return { name, dims: [...dims], dataType: TYPES.int64, rawData: new Uint8Array(data.buffer) };
}

export function bool(name: string, truth: boolean): TensorProto {
  return { name, dims: [], dataType: TYPES.bool, int32Data: [truth ? 1 : 0] };
}

type Attributes = Readonly<
  Record<string, number | string | readonly number[] | { f: number } | { t: TensorProto } | { g: GraphProto }>
>;

function attribute(name: string, given: Attributes[string]): AttributeProto {
  if (typeof given === "number") return { name, type: 2, i: given };
  if (typeof given === "string") return { name, type: 3, s: new TextEncoder().encode(given) };
  if (Array.isArray(given)) return { name, type: 7, ints: [...given] };
  if ("f" in given) return { name, type: 1, f: given.f };
  if ("t" in given) return { name, type: 4, t: given.t };
  return { name, type: 5, g: (given as { g: GraphProto }).g };
}

/** `node("MatMul", "x1 w", "z")`; `ai.onnx.ml/Scaler` names a domain. */
export function node(operator: string, inputs: string, outputs: string, attributes: Attributes = {}): NodeProto {
  const [opType = "", domain = ""] = operator.split("/").reverse();
  const names = (text: string) => (text === "" ? [] : text.split(" ").map((name) => (name === "_" ? "" : name)));
  return {
    opType,
    domain,
    input: names(inputs),
    output: names(outputs),
    attribute: Object.entries(attributes).map(([name, given]) => attribute(name, given)),
  };
}

export interface Parts {
  readonly nodes: readonly NodeProto[];
  readonly constants?: readonly TensorProto[];
  /** Further fields of the graph, or in place of those of the contract. */
  readonly graph?: Partial<GraphProto>;
  readonly model?: Partial<ModelProto>;
}

/** A model with the corpus's contract. */
export function modelOf({ nodes, constants = [], graph = {}, model = {} }: Parts): ModelProto {
  return {
    irVersion: 9,
    producerName: "corpus",
    opsetImport: [
      { domain: "", version: 19 },
      { domain: "ai.onnx.ml", version: 3 },
    ],
    graph: {
      name: "main",
      node: [...nodes],
      initializer: [...constants],
      input: [value(INPUT.name, ["rows", INPUT.width])],
      output: [value(OUTPUT.name, ["rows", OUTPUT.width])],
      ...graph,
    },
    ...model,
  };
}

export function bytesOf(parts: Parts): Uint8Array {
  return encodeModel(modelOf(parts));
}

/** The weights of a layer from the input to the output. */
export const WEIGHTS = floats("w", [INPUT.width, OUTPUT.width], (index) => ((index * 7) % 11) / 11 - 0.4);

/** A sound layer: `z = x1 w`. */
export const LAYER = node("MatMul", "x1 w", "z");

export const soundModel = (): Uint8Array => bytesOf({ nodes: [LAYER], constants: [WEIGHTS] });
