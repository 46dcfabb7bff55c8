import { constantValue, GraphBuilder, type Node, newValue, sameShape, size, type Value } from "./graph/ir.ts";
import type { InferenceInput } from "./inference-program.ts";
import { decodeModel } from "./onnx/decode-model.ts";
import { IR_VERSION, OPSET, PRODUCER } from "./onnx/emit-onnx.ts";
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from "./onnx/gen/onnx-schema.ts";
import { ONNX_TYPE } from "./onnx/onnx-proto.ts";
import { BLOCK_ROWS, type RowProgram } from "./row-program.ts";

/** Larger models are left to ONNX Runtime, whose wider vectors win there. */
const MOST_NODES = 64;
const MOST_PARAMETERS = 2 ** 17;

const UNARY = new Set(["Identity", "Neg", "Abs", "Sqrt", "Exp", "Log", "Tanh", "Sigmoid", "Softplus", "Relu"]);
const BINARY = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min"]);
const ALONG_COLUMNS = new Set(["Softmax", "LogSoftmax"]);

/** Thrown for whatever is not understood completely. */
class NotReadable extends Error {}

/**
 * Reads a model that this compiler wrote back as a program over rows: dense networks, their encodings of inputs, and
 * elementwise functions. The model must have passed `walkModel`, so that its bytes have one meaning.
 *
 * @returns undefined for every other model: written by other software, larger, or with other operators
 */
export function readRowProgram(bytes: Uint8Array): RowProgram | undefined {
  try {
    return new Reader(decodeModel(bytes)).read();
  } catch (thrown) {
    if (thrown instanceof NotReadable) return undefined;
    throw thrown;
  }
}

class Reader {
  private readonly model: ModelProto;
  private readonly builder = new GraphBuilder();
  /** What each name stands for. Strings are constants or categorical inputs. */
  private readonly values = new Map<string, Value>();
  private readonly texts = new Map<string, string>();
  private readonly hits = new Map<string, Value>();
  /** Values with a row for each row of the block; all others are the same for every row. */
  private readonly overRows = new Set<Value>();
  private readonly inputs = new Map<string, { of: InferenceInput; value: Value }>();
  private readonly parameters: { value: Value; values: Float32Array }[] = [];
  private parameterCount = 0;

  constructor(model: ModelProto) {
    this.model = model;
  }

  read(): RowProgram {
    const { irVersion, producerName, opsetImport = [], graph, functions = [], trainingInfo = [] } = this.model;
    const [opset] = opsetImport;
    require(producerName === PRODUCER && irVersion === IR_VERSION && opsetImport.length === 1);
    require((opset?.domain ?? "") === "" && opset?.version === OPSET);
    require(graph !== undefined && functions.length === 0 && trainingInfo.length === 0);
    const { node = [], initializer = [], input = [], output = [], sparseInitializer = [] } = graph;
    require(node.length <= MOST_NODES && sparseInitializer.length === 0 && output.length === 1);
    for (const info of input) this.input(info);
    for (const tensor of initializer) this.initializer(tensor);
    for (const each of node) this.node(each);
    require(input.every(({ name }) => this.inputs.has(name ?? "")));
    const [result] = output as [ValueInfoProto];
    const { name = "" } = result;
    const value = this.rows(name);
    const [rows, width] = shapeOf(result);
    require(rows === undefined && width === value.shape[1] && result.type?.tensorType?.elemType === ONNX_TYPE.float32);
    return {
      inputs: [...this.inputs.values()],
      parameters: this.parameters,
      output: { name, value },
      nodes: this.builder.nodes,
    };
  }

  private define(name: string, value: Value): void {
    require(name !== "" && !this.values.has(name) && !this.texts.has(name) && !this.hits.has(name));
    this.values.set(name, value);
  }

  /** Adds an operator over rows. */
  private add(op: string, inputs: readonly Value[], width: number, attributes: Node["attributes"] = {}): Value {
    const value = this.builder.add(op, inputs, "float32", [BLOCK_ROWS, width], attributes);
    this.overRows.add(value);
    return value;
  }

  private input(info: ValueInfoProto): void {
    const { name = "" } = info;
    const [rows, width] = shapeOf(info);
    require(rows === undefined && width !== undefined && width > 0);
    const type = info.type?.tensorType?.elemType;
    if (type === ONNX_TYPE.string && width === 1) {
      require(name !== "" && !this.texts.has(name) && !this.values.has(name));
      // Becomes an input of the program when its vocabulary is met.
      this.texts.set(name, name);
      return;
    }
    require(type === ONNX_TYPE.float32);
    const value = newValue("float32", [BLOCK_ROWS, width]);
    this.define(name, value);
    this.overRows.add(value);
    this.inputs.set(name, { of: { name, kind: "numeric", width }, value });
  }

  private initializer(tensor: TensorProto): void {
    const { name = "", dims = [], rawData, dataType, stringData } = tensor;
    if (dataType === ONNX_TYPE.string) {
      require(stringData !== undefined && sameShape(dims, [1, stringData.length]));
      this.define(name, constantValue("string", dims, stringData.map(text)));
      return;
    }
    require(rawData !== undefined && rawData.length % 4 === 0);
    if (dataType === ONNX_TYPE.int64) {
      require(rawData.length === 8 * size(dims));
      this.define(name, constantValue("int64", dims, new BigInt64Array(new Uint8Array(rawData).buffer)));
      return;
    }
    require(dataType === ONNX_TYPE.float32 && rawData.length === 4 * size(dims) && dims.length <= 2);
    const values = new Float32Array(new Uint8Array(rawData).buffer);
    require(values.length > 0);
    if (values.length === 1) {
      this.define(name, constantValue("float32", dims, values));
      return;
    }
    this.parameterCount += values.length;
    require(this.parameterCount <= MOST_PARAMETERS);
    const value = newValue("float32", dims);
    this.parameters.push({ value, values });
    this.define(name, value);
  }

  private node(node: NodeProto): void {
    const { opType = "", domain = "", input = [], output = [], attribute = [] } = node;
    require(domain === "" && output.length === 1);
    const [made] = output as [string];
    const attributes = new Map(attribute.map(({ name = "", i }) => [name, i]));
    const only = (...names: string[]) => require([...attributes.keys()].every((name) => names.includes(name)));
    if (opType === "Equal" || opType === "Cast") this.oneHot(opType, input, made, attributes);
    else if (opType === "Expand") {
      only();
      this.define(made, this.splat(input));
    } else if (UNARY.has(opType)) {
      only();
      const x = this.rows(single(input));
      this.define(made, this.add(opType, [x], widthOf(x)));
    } else if (BINARY.has(opType)) {
      only();
      require(input.length === 2);
      this.define(made, this.combine(opType, this.known(input[0] as string), this.known(input[1] as string)));
    } else if (ALONG_COLUMNS.has(opType)) {
      only("axis");
      const x = this.rows(single(input));
      require([1, -1, undefined].includes(attributes.get("axis")));
      this.define(made, this.add(opType, [x], widthOf(x), { axis: 1 }));
    } else if (opType === "Concat") {
      only("axis");
      const parts = input.map((name) => this.rows(name));
      require(attributes.get("axis") === 1 && parts.length > 0);
      const width = parts.reduce((sum, part) => sum + widthOf(part), 0);
      this.define(made, this.add("Concat", parts, width, { axis: 1 }));
    } else if (opType === "Gemm") {
      only("transA", "transB");
      require((attributes.get("transA") ?? 0) === 0);
      this.define(made, this.gemm(input, attributes.get("transB") ?? 0));
    } else throw new NotReadable();
  }

  private gemm(input: readonly string[], transB: number): Value {
    require((input.length === 2 || input.length === 3) && (transB === 0 || transB === 1));
    const a = this.rows(input[0] as string);
    const b = this.known(input[1] as string);
    require(b.type === "float32" && b.shape.length === 2 && b.shape[transB] === a.shape[1]);
    require(!this.overRows.has(b));
    const width = b.shape[1 - transB] as number;
    const product = this.add("Gemm", [a, b], width, { transA: 0, transB });
    const bias = input[2] ?? "";
    return bias === "" ? product : this.combine("Add", product, this.known(bias));
  }

  /** An operator of two values, one of them over the rows and the other over the rows or the same for all of them. */
  private combine(op: string, a: Value, b: Value): Value {
    require(a.type === "float32" && b.type === "float32");
    const [wide, other] = this.overRows.has(a) ? [a, b] : [b, a];
    require(this.overRows.has(wide) && other.shape.length <= 2);
    const last = other.shape.at(-1) ?? 1;
    require(last === widthOf(wide) || last === 1);
    require(this.overRows.has(other) || other.shape.slice(0, -1).every((dimension) => dimension === 1));
    return this.add(op, [a, b], widthOf(wide));
  }

  /** A number repeated to a shape. */
  private splat(input: readonly string[]): Value {
    require(input.length === 2);
    const [number, shape] = input.map((name) => this.known(name)) as [Value, Value];
    require(number.constant instanceof Float32Array && shape.constant instanceof BigInt64Array);
    const dimensions = Array.from(shape.constant, Number);
    require(dimensions.length <= 2 && size(dimensions) > 0 && size(dimensions) <= MOST_PARAMETERS);
    const filled = new Float32Array(size(dimensions)).fill(number.constant[0] as number);
    return constantValue("float32", dimensions, filled);
  }

  /** The comparison of a categorical input with its vocabulary, and its conversion to numbers. */
  private oneHot(op: string, input: readonly string[], made: string, attributes: ReadonlyMap<string, unknown>): void {
    if (op === "Equal") {
      require(input.length === 2 && attributes.size === 0);
      const name = this.texts.get(input[0] as string) ?? "";
      const { constant: vocabulary, type } = this.known(input[1] as string);
      require(type === "string" && name !== "" && !this.inputs.has(name));
      const of: InferenceInput = { name, kind: "categorical", vocabulary: vocabulary as readonly string[] };
      const value = newValue("float32", [BLOCK_ROWS, of.vocabulary.length]);
      this.inputs.set(name, { of, value });
      this.overRows.add(value);
      require(made !== "" && !this.values.has(made) && !this.texts.has(made));
      this.hits.set(made, value);
      return;
    }
    require(attributes.size === 1 && attributes.get("to") === ONNX_TYPE.float32);
    const value = this.hits.get(single(input));
    require(value !== undefined);
    this.define(made, value);
  }

  private known(name: string): Value {
    const value = this.values.get(name);
    require(value !== undefined);
    return value;
  }

  private rows(name: string): Value {
    const value = this.known(name);
    require(this.overRows.has(value));
    return value;
  }
}

function single(input: readonly string[]): string {
  require(input.length === 1);
  return input[0] as string;
}

/** The rows (undefined: any number) and the width that a model declares. */
function shapeOf({ type }: ValueInfoProto): [rows: number | undefined, width: number | undefined] {
  const dimensions = type?.tensorType?.shape?.dim ?? [];
  require(dimensions.length === 2);
  return [dimensions[0]?.dimValue, dimensions[1]?.dimValue];
}

function widthOf(value: Value): number {
  return value.shape[1] as number;
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new NotReadable();
  }
}

function require(condition: boolean): asserts condition {
  if (!condition) throw new NotReadable();
}
