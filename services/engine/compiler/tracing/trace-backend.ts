import type * as Tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../../common/errors.ts";
import { tf } from "../../tfjs/tf.ts";
import type { TfjsSandbox } from "../../tfjs/tfjs-sandbox.ts";
import {
  type ConstantData,
  constantValue,
  type ElementType,
  GraphBuilder,
  type Node,
  newValue,
  type Value,
} from "../graph/ir.ts";
import { kernelLowerings } from "../kernels/lowerings.ts";

/**
 * A tfjs backend that computes nothing and records. While a function runs on it, every kernel that tfjs calls (forward
 * pass, gradients, optimizer) is lowered to ONNX nodes; tensors stand for values of the recorded graph. Kernels whose
 * inputs are all known run immediately on tfjs's cpu backend, which folds constants, except those whose results there
 * are the JavaScript engine's choice.
 */
export const TRACE_BACKEND = "uncouple-trace";

/** Kernels that tfjs's cpu backend computes with `Math.exp` and the like: a run's bits must not depend on those. */
const TRANSCENDENTAL: ReadonlySet<string> = new Set([
  ...["Exp", "Expm1", "Log", "Log1p", "Pow", "Erf"],
  ...["Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Atan2"],
  ...["Sinh", "Cosh", "Tanh", "Asinh", "Acosh", "Atanh"],
  ...["Sigmoid", "Softplus", "Softmax", "LogSoftmax", "Elu", "Selu", "_FusedMatMul"],
]);

type TensorValues = Float32Array | Int32Array | Uint8Array | Uint8Array[];

interface Entry {
  /** Set for values that are only known at run time. */
  readonly value: Value | null;
  /** Set for constants. */
  readonly values: TensorValues | null;
  readonly shape: readonly number[];
  readonly dtype: Tf.DataType;
  references: number;
}

/** Records the kernels of one function call. */
export class Recorder extends GraphBuilder {
  /** Why the recording failed, if the error could not be thrown immediately. */
  failure: UncoupleError | undefined;
  private readonly constants = new Map<TensorValues, Map<string, Value>>();

  /** Adds a graph input and returns it as a tensor for tracing. */
  input(
    shape: readonly number[],
    dtype: "float32" | "int32" | "bool" = "float32",
  ): { value: Value; tensor: Tf.Tensor } {
    const value = newValue(dtype, shape);
    return { value, tensor: this.tensorOf(value) };
  }

  /** Returns the tensor for a value of the graph. */
  tensorOf(value: Value): Tf.Tensor {
    const info = backend().symbolic(value);
    return tf.engine().makeTensorFromDataId(info.dataId, info.shape, info.dtype);
  }

  /** Returns the graph value of a tensor; a constant if the tensor's elements are known. */
  valueFor(tensor: { readonly dataId: object; readonly shape: number[]; readonly dtype: Tf.DataType }): Value {
    const entry = backend().entry(tensor.dataId);
    if (entry.value !== null) return entry.value;
    const values = entry.values as TensorValues;
    // One constant per storage and shape, so that equal tensors map to one value.
    let byShape = this.constants.get(values);
    if (byShape === undefined) {
      byShape = new Map();
      this.constants.set(values, byShape);
    }
    const key = `${tensor.dtype}[${tensor.shape}]`;
    let value = byShape.get(key);
    if (value === undefined) {
      value = constantValue(elementType(tensor.dtype), tensor.shape, constantData(values, tensor.dtype));
      byShape.set(key, value);
    }
    return value;
  }
}

export interface Recording<T> {
  readonly nodes: readonly Node[];
  readonly result: T;
}

/**
 * Runs `work` on the recording backend, with the sandbox's variables. The call is synchronous, so no other tfjs code can interleave.
 *
 * @throws UncoupleError `invalid-argument` if `work` calls a kernel without a lowering, or reads a tensor's values
 */
export function record<T>(sandbox: TfjsSandbox, work: (recorder: Recorder) => T): Recording<T> {
  registerTraceBackend();
  return sandbox.run(() => {
    const recorder = new Recorder();
    const outer = activeRecorder;
    activeRecorder = recorder;
    try {
      const result = work(recorder);
      if (recorder.failure !== undefined) throw recorder.failure;
      return { nodes: recorder.nodes, result };
    } finally {
      activeRecorder = outer;
    }
  }, TRACE_BACKEND);
}

let activeRecorder: Recorder | null = null;

function looksAtValues(shape: readonly number[]): UncoupleError {
  return new UncoupleError(
    "invalid-argument",
    `the program reads the values of a tensor of shape [${shape}] in ${scopeName()} while it is being compiled ` +
      "(dataSync, arraySync, data, print, or an operation whose shape depends on values): " +
      "a compiled program must not look at values; use tf.where, masks or fixed shapes, or choose the engine 'reference'",
  );
}

class TraceBackend extends tf.KernelBackend {
  private readonly storage: Tf.DataStorage<Entry> = new tf.DataStorage<Entry>(this, tf.engine());

  entry(dataId: object): Entry {
    return this.storage.get(dataId);
  }

  /** A data id for a value of the graph being recorded. */
  symbolic(value: Value): Tf.TensorInfo {
    const dataId = {};
    const dtype = tensorType(value.type);
    this.storage.set(dataId, { value, values: null, shape: value.shape, dtype, references: 1 });
    return { dataId, shape: [...value.shape], dtype };
  }

  constant(values: TensorValues, shape: readonly number[], dtype: Tf.DataType): Tf.TensorInfo {
    const dataId = {};
    this.storage.set(dataId, { value: null, values, shape, dtype, references: 1 });
    return { dataId, shape: [...shape], dtype };
  }

  override write(values: Tf.BackendValues, shape: number[], dtype: Tf.DataType): object {
    return this.constant(values as TensorValues, shape, dtype).dataId;
  }

  override move(dataId: object, values: Tf.BackendValues, shape: number[], dtype: Tf.DataType, refCount: number): void {
    this.storage.set(dataId, { value: null, values: values as TensorValues, shape, dtype, references: refCount });
  }

  override readSync(dataId: object): Tf.BackendValues {
    const { values, shape } = this.entry(dataId);
    if (values !== null) return values as Tf.BackendValues;
    throw looksAtValues(shape);
  }

  override read(dataId: object): Promise<Tf.BackendValues> {
    const { values, shape } = this.entry(dataId);
    if (values !== null) return Promise.resolve(values as Tf.BackendValues);
    // The program may not await a rejection, so the recording fails instead and this promise never settles.
    if (activeRecorder !== null) activeRecorder.failure ??= looksAtValues(shape);
    return new Promise(() => {});
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.storage.has(dataId)) return true;
    const entry = this.storage.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.storage.delete(dataId);
    return true;
  }

  override incRef(dataId: object): void {
    if (this.storage.has(dataId)) this.storage.get(dataId).references++;
  }

  override refCount(dataId: object): number {
    return this.storage.has(dataId) ? this.storage.get(dataId).references : 0;
  }

  override numDataIds(): number {
    return this.storage.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override epsilon(): number {
    return 1e-7;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {}
}

let registered: TraceBackend | null = null;

function backend(): TraceBackend {
  if (registered === null) throw new UncoupleError("internal", "the trace backend is not registered");
  return registered;
}

/** tfjs keeps backends and kernels in a process-wide table; ours is registered once. */
function registerTraceBackend(): void {
  if (registered !== null) return;
  const created = new TraceBackend();
  tf.registerBackend(TRACE_BACKEND, () => created, -1);
  const names = new Set(Object.keys(kernelLowerings));
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) names.add(kernelName);
  for (const kernelName of names) {
    tf.registerKernel({
      kernelName,
      backendName: TRACE_BACKEND,
      kernelFunc: ({ inputs, attrs }) => runKernel(kernelName, inputs, attrs ?? {}),
    });
  }
  registered = created;
}

function runKernel(
  kernelName: string,
  inputs: Tf.NamedTensorInfoMap,
  attrs: Tf.NamedAttrMap,
): Tf.TensorInfo | Tf.TensorInfo[] {
  const recorder = activeRecorder;
  const known = Object.values(inputs).every((input) => input == null || backend().entry(input.dataId).values !== null);
  const lowering = kernelLowerings[kernelName];
  // Fill has no inputs and can be large, so it stays a node.
  const isFolded = known && kernelName !== "Fill" && !(TRANSCENDENTAL.has(kernelName) && recorder !== null);
  if (isFolded) return evaluate(kernelName, inputs, attrs);
  if (recorder === null) {
    throw new UncoupleError("internal", `the kernel ${kernelName} was called on a traced tensor after the trace`);
  }
  if (lowering === undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `the tfjs kernel ${kernelName}, called by ${scopeName()}, cannot be compiled: ` +
        "express it with elementwise operations, reductions and matrix products, or choose the engine 'reference' or 'tensorflow'",
    );
  }
  const values: Record<string, Value> = {};
  for (const [name, input] of Object.entries(inputs)) if (input != null) values[name] = recorder.valueFor(input);
  const outputs = lowering({ builder: recorder, inputs: values, attrs, kernelName });
  return Array.isArray(outputs)
    ? outputs.map((output) => backend().symbolic(output))
    : backend().symbolic(outputs as Value);
}

/** Runs a kernel on tfjs's cpu backend; its inputs are constants. */
function evaluate(
  kernelName: string,
  inputs: Tf.NamedTensorInfoMap,
  attrs: Tf.NamedAttrMap,
): Tf.TensorInfo | Tf.TensorInfo[] {
  const kernel = tf.getKernel(kernelName, "cpu");
  if (kernel === undefined) throw unknownKernel(kernelName);
  const cpu = tf.engine().findBackend("cpu");
  const copies: Tf.NamedTensorInfoMap = {};
  const ids: object[] = [];
  for (const [name, input] of Object.entries(inputs)) {
    if (input == null) continue;
    const values = backend().entry(input.dataId).values as Tf.BackendValues;
    const dataId = cpu.write(values, input.shape, input.dtype);
    ids.push(dataId);
    copies[name] = { dataId, shape: input.shape, dtype: input.dtype };
  }
  const named = Array.isArray(inputs) ? (Object.values(copies) as unknown as Tf.NamedTensorInfoMap) : copies;
  const results = kernel.kernelFunc({ inputs: named, attrs, backend: cpu });
  const take = (info: Tf.TensorInfo): Tf.TensorInfo => {
    const values = cpu.readSync(info.dataId) as TensorValues;
    ids.push(info.dataId);
    return backend().constant(values, info.shape, info.dtype);
  };
  const taken = Array.isArray(results) ? results.map(take) : take(results);
  for (const dataId of new Set(ids)) cpu.disposeData(dataId, true);
  return taken;
}

function unknownKernel(kernelName: string): UncoupleError {
  return new UncoupleError("invalid-argument", `tfjs has no cpu implementation of the kernel ${kernelName}`);
}

/** Returns the current tfjs operation under its public name: `tf.matMul`. */
function scopeName(): string {
  const state = tf.engine().state as { activeScope?: { name: string } };
  const name = state.activeScope?.name.replace(/__op$/, "");
  return name === undefined || name === "" || name === "unnamed scope" ? "the program" : `tf.${name}`;
}

export function elementType(dtype: Tf.DataType): ElementType {
  if (dtype === "complex64") {
    throw new UncoupleError("invalid-argument", `complex numbers, in ${scopeName()}, cannot be compiled`);
  }
  return dtype;
}

function tensorType(type: ElementType): Tf.DataType {
  if (type === "int64") throw new UncoupleError("internal", "tfjs has no 64-bit integers");
  return type;
}

function constantData(values: TensorValues, dtype: Tf.DataType): ConstantData {
  if (Array.isArray(values)) return values.map((bytes) => new TextDecoder().decode(bytes));
  switch (dtype) {
    case "float32":
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case "int32":
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case "bool":
      return values instanceof Uint8Array ? values : Uint8Array.from(values);
    default:
      throw new UncoupleError("internal", `a constant of type ${dtype} was held as numbers`);
  }
}
