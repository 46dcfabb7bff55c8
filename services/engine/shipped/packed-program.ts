import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import {
  type Attribute,
  type ConstantData,
  constantValue,
  type ElementType,
  type Graph,
  type Node,
  newValue,
  size,
  type Value,
} from "../compiler/graph/ir.ts";
import type { StepGraph } from "../compiler/graph/step-graph.ts";
import type { RecordedStep } from "../compiler/tracing/record-step.ts";
import type { TrainingProgram } from "../interface/program.ts";

/**
 * A recorded training step as bytes that are named by their digest, to be compiled and run by another process. Neither
 * initial values nor learning rates are in it, so that trainings that differ in them alone share it.
 */
export interface PackedProgram {
  /** SHA-256 of `bytes`, lower-case hex. */
  readonly digest: string;
  /** Length of the header (uint32), a JSON header, then the values of constants, all little-endian. */
  readonly bytes: Uint8Array;
}

/** The shapes of a program's inputs. */
export type ProgramShape = Pick<TrainingProgram, "batch" | "resident" | "feeds">;

/** A program that was unpacked. Its state's initial values are zeros. */
export interface UnpackedProgram {
  readonly recorded: RecordedStep;
  readonly shape: ProgramShape;
}

interface PackedValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Where its values begin, in bytes, or the values of a constant of strings. */
  readonly constant?: number | readonly string[];
}

type PackedAttribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly graph: PackedGraph };

interface PackedNode {
  readonly op: string;
  /** Indices of values, -1 for an omitted input. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: Readonly<Record<string, PackedAttribute>>;
}

interface PackedNamed {
  readonly name: string;
  readonly value: number;
}

interface PackedGraph {
  readonly inputs: readonly PackedNamed[];
  readonly outputs: readonly PackedNamed[];
  readonly nodes: readonly PackedNode[];
}

interface Header {
  readonly format: typeof FORMAT;
  readonly shape: ProgramShape;
  readonly values: readonly PackedValue[];
  readonly nodes: readonly PackedNode[];
  readonly states: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly before: number;
    readonly after: number;
  }[];
  readonly batch: readonly PackedNamed[];
  readonly rate: number;
  readonly negativeRate: number;
  readonly loss: number;
}

const FORMAT = "uncouple-program-1";
const LENGTH_BYTES = 4;

/** Packs a recorded step. Equal steps have equal bytes. */
export async function packProgram({ step, initial }: RecordedStep, program: ProgramShape): Promise<PackedProgram> {
  const values: PackedValue[] = [];
  const ids = new Map<Value, number>();
  const constants: Uint8Array[] = [];
  let constantBytes = 0;
  const idOf = (value: Value): number => {
    const known = ids.get(value);
    if (known !== undefined) return known;
    const { type, shape, constant } = value;
    ids.set(value, values.length);
    if (constant === undefined) {
      values.push({ type, shape });
    } else if (ArrayBuffer.isView(constant)) {
      values.push({ type, shape, constant: constantBytes });
      constants.push(new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength));
      constantBytes += constant.byteLength;
    } else {
      values.push({ type, shape, constant });
    }
    return values.length - 1;
  };
  const named = ({ name, value }: { readonly name: string; readonly value: Value }): PackedNamed => ({
    name,
    value: idOf(value),
  });
  const packAttribute = (attribute: Attribute): PackedAttribute =>
    typeof attribute === "object" && "graph" in attribute ? { graph: packGraph(attribute.graph) } : attribute;
  const packNode = ({ op, inputs, outputs, attributes }: Node): PackedNode => ({
    op,
    inputs: inputs.map((input) => (input === null ? -1 : idOf(input))),
    outputs: outputs.map(idOf),
    attributes: Object.fromEntries(
      Object.entries(attributes)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, attribute]) => [name, packAttribute(attribute)]),
    ),
  });
  const packGraph = (graph: Graph): PackedGraph => ({
    inputs: graph.inputs.map(named),
    nodes: graph.nodes.map(packNode),
    outputs: graph.outputs.map(named),
  });
  const { batch, resident, feeds } = program;
  const described: Omit<Header, "values"> = {
    format: FORMAT,
    shape: { batch, resident, feeds },
    rate: idOf(step.rate),
    negativeRate: idOf(step.negativeRate),
    batch: step.batch.map(named),
    nodes: step.nodes.map(packNode),
    states: step.states.map(({ name, before, after }) => ({
      name,
      shape: initial[name]?.shape ?? before.shape,
      before: idOf(before),
      after: idOf(after),
    })),
    loss: idOf(step.loss),
  };
  const header = new TextEncoder().encode(JSON.stringify({ ...described, values }));
  const bytes = new Uint8Array(LENGTH_BYTES + header.length + constantBytes);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + header.length;
  for (const constant of constants) {
    bytes.set(constant, at);
    at += constant.length;
  }
  return { digest: await sha256(bytes), bytes };
}

/** @throws UncoupleError `data-loss` if the bytes are not those that the digest names, or hold no program */
export async function unpackProgram({ digest, bytes }: PackedProgram): Promise<UnpackedProgram> {
  const actual = await sha256(bytes);
  if (actual !== digest) throw damaged(digest, `its bytes have the digest ${actual}`);
  if (bytes.length < LENGTH_BYTES) throw damaged(digest, "it has no header");
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  const header = readHeader(digest, bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
  const constants = bytes.subarray(LENGTH_BYTES + length);
  const values = header.values.map(({ type, shape, constant }): Value => {
    if (constant === undefined) return newValue(type, shape);
    if (typeof constant !== "number") return constantValue(type, shape, constant);
    return constantValue(type, shape, readConstant(digest, constants, constant, type, size(shape)));
  });
  const valueAt = (id: number): Value => {
    const value = values[id];
    if (value === undefined) throw damaged(digest, `it has no value ${id}`);
    return value;
  };
  const named = ({ name, value }: PackedNamed) => ({ name, value: valueAt(value) });
  const unpackAttribute = (attribute: PackedAttribute): Attribute =>
    typeof attribute === "object" && "graph" in attribute ? { graph: unpackGraph(attribute.graph) } : attribute;
  const unpackNode = ({ op, inputs, outputs, attributes }: PackedNode): Node => ({
    op,
    inputs: inputs.map((id) => (id === -1 ? null : valueAt(id))),
    outputs: outputs.map(valueAt),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, attribute]) => [name, unpackAttribute(attribute)]),
    ),
  });
  const unpackGraph = (graph: PackedGraph): Graph => ({
    inputs: graph.inputs.map(named),
    nodes: graph.nodes.map(unpackNode),
    outputs: graph.outputs.map(named),
  });
  const step: StepGraph = {
    rate: valueAt(header.rate),
    negativeRate: valueAt(header.negativeRate),
    batch: header.batch.map(named),
    nodes: header.nodes.map(unpackNode),
    states: header.states.map(({ name, before, after }) => ({ name, before: valueAt(before), after: valueAt(after) })),
    loss: valueAt(header.loss),
  };
  const initial = header.states.map(({ name, shape }) => [name, { shape, values: new Float32Array(size(shape)) }]);
  return { recorded: { step, initial: Object.fromEntries(initial) }, shape: header.shape };
}

function readHeader(digest: string, bytes: Uint8Array): Header {
  let header: Omit<Header, "format"> & { readonly format?: unknown };
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as typeof header;
  } catch (cause) {
    throw damaged(digest, "its header is not JSON", cause);
  }
  if (header.format !== FORMAT) {
    throw damaged(digest, `its format is ${JSON.stringify(header.format)}, and this version reads ${FORMAT}`);
  }
  return { ...header, format: FORMAT };
}

const BYTES_PER_ELEMENT = { float32: 4, int32: 4, int64: 8, bool: 1 } as const;

function readConstant(digest: string, all: Uint8Array, at: number, type: ElementType, length: number): ConstantData {
  if (type === "string") throw damaged(digest, "a constant of strings has no values");
  const end = at + length * BYTES_PER_ELEMENT[type];
  if (end > all.length) throw damaged(digest, "the values of a constant are missing");
  // A copy, because the values need not begin at a multiple of their size. `slice` of a Buffer would be none.
  const { buffer } = new Uint8Array(all.subarray(at, end));
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "bool":
      return new Uint8Array(buffer);
  }
}

function damaged(digest: string, why: string, cause?: unknown): UncoupleError {
  return new UncoupleError("data-loss", `training program ${digest}: ${why}`, { cause });
}
