import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { LANE_MEMORY, MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { Value } from "../../graph/ir.ts";
import type { Group, GroupReduction } from "../lower/groups.ts";
import type { ReductionOp } from "../lower/works.ts";
import { type EmitContext, pushUniform, type Registers } from "./context.ts";
import { emitMap } from "./map-operators.ts";

/** How many of four lanes count: fewer at the end of a row whose length is no multiple of four. */
export type Lanes = 1 | 2 | 3 | 4;

/** The four elements at which a loop is. */
export interface Position {
  readonly lanes: Lanes;
  /** Pushes four elements of a value that is broadcast to `shape`. */
  load(value: Value, shape: readonly number[]): void;
  /** Stores as many elements of `register` as there are lanes. */
  store(value: Value, register: Local): void;
  /** Takes four elements into a reduction. */
  reduce(reduction: GroupReduction, register: Local): void;
}

/**
 * Emits the works of a group for four elements: loads each input once, computes in registers, stores what is needed
 * outside of the group, and hands on what is reduced.
 *
 * @param made registers of what is known already: the product's elements, with the bias if there is one
 */
export function emitBody(
  f: FunctionBody,
  context: EmitContext,
  group: Group,
  position: Position,
  made: Registers,
): void {
  const registers: Registers = new Map(made);
  const loaded = new Map<string, Local>();
  const elements = new Set(group.elements());
  const push = (value: Value, shape: readonly number[]): FunctionBody => {
    const { root } = context.works.view(value);
    const own = elements.has(root) ? registers.get(root) : undefined;
    if (own !== undefined) return f.get(own);
    if (pushUniform(f, value) || pushUniform(f, root)) return f;
    const access = context.reading(value, shape);
    const key = `${access.base}:${access.address}:${access.strides}`;
    const known = loaded.get(key);
    if (known !== undefined) return f.get(known);
    position.load(value, shape);
    const register = f.local("v128");
    loaded.set(key, register);
    return f.tee(register);
  };
  for (const work of group.maps) {
    if (made.has(work.output)) continue;
    const register = emitMap(f, context.math, work, (index) => push(work.inputs[index] as Value, work.output.shape));
    if (context.isFlushed(work.output)) flushDenormals(f, register);
    registers.set(work.output, register);
  }
  const reduced = group.reductions.map((reduction) => {
    push(reduction.work.input, reduction.work.input.shape);
    const register = f.local("v128");
    f.set(register);
    return { reduction, register };
  });
  // After every load: an element may be stored where another was read.
  for (const value of elements) if (context.isStored(value)) position.store(value, registers.get(value) as Local);
  for (const { reduction, register } of reduced) position.reduce(reduction, register);
  const own = [...registers].filter(([value]) => !made.has(value)).map(([, register]) => register);
  f.release(...new Set([...own, ...loaded.values(), ...reduced.map(({ register }) => register)]));
}

/** Numbers below the normal ones become zero: processors are many times slower on them. */
function flushDenormals(f: FunctionBody, register: Local): void {
  f.get(register)
    .get(register)
    .op(OP.f32x4Abs)
    .f32x4(2 ** -126)
    .op(OP.f32x4Lt, OP.v128Andnot)
    .set(register);
}

/** Stores lanes at consecutive elements. The address is on the stack. */
export function storeLanes(f: FunctionBody, address: () => void, offset: number, register: Local, lanes: Lanes): void {
  if (lanes === 4) {
    address();
    f.get(register).memory(MEMORY.v128Store, offset);
    return;
  }
  if (lanes >= 2) {
    address();
    f.get(register).laneMemory(LANE_MEMORY.v128Store64Lane, offset, 0);
  }
  if (lanes !== 2) {
    address();
    f.get(register).laneMemory(LANE_MEMORY.v128Store32Lane, offset + (lanes === 3 ? 8 : 0), lanes - 1);
  }
}

interface Combining {
  readonly float: (typeof OP)[keyof typeof OP];
  readonly integer: (typeof OP)[keyof typeof OP];
  readonly neutral: { readonly float: number; readonly integer: number };
}

const COMBINING: Readonly<Record<ReductionOp, Combining>> = {
  ReduceSum: { float: OP.f32x4Add, integer: OP.i32x4Add, neutral: { float: 0, integer: 0 } },
  ReduceProd: { float: OP.f32x4Mul, integer: OP.i32x4Mul, neutral: { float: 1, integer: 1 } },
  ReduceMax: {
    float: OP.f32x4Max,
    integer: OP.i32x4MaxS,
    neutral: { float: Number.NEGATIVE_INFINITY, integer: -0x80000000 },
  },
  ReduceMin: {
    float: OP.f32x4Min,
    integer: OP.i32x4MinS,
    neutral: { float: Number.POSITIVE_INFINITY, integer: 0x7fffffff },
  },
};

/** Combines the two vectors on the stack. */
export function combine(f: FunctionBody, { work }: GroupReduction): FunctionBody {
  const { float, integer } = COMBINING[work.op];
  return f.op(work.input.type === "float32" ? float : integer);
}

/** Pushes four times the number that changes nothing. */
export function pushNeutral(f: FunctionBody, { work }: GroupReduction): FunctionBody {
  const { neutral } = COMBINING[work.op];
  return work.input.type === "float32" ? f.f32x4(neutral.float) : f.i32x4(neutral.integer);
}

/** Pushes a register with the lanes that do not count made neutral. */
export function pushCounting(f: FunctionBody, reduction: GroupReduction, register: Local, lanes: Lanes): FunctionBody {
  f.get(register);
  if (lanes === 4) return f;
  pushNeutral(f, reduction);
  return f.i32x4(...[0, 1, 2, 3].map((lane) => (lane < lanes ? -1 : 0))).op(OP.v128Bitselect);
}

/** Combines the four lanes of a register, (0 + 2) + (1 + 3), and leaves the result in the first. */
export function foldLanes(f: FunctionBody, reduction: GroupReduction, register: Local): void {
  f.get(register).get(register).get(register).shuffle([2, 3, 0, 1]);
  combine(f, reduction).tee(register).get(register).get(register).shuffle([1, 0, 3, 2]);
  combine(f, reduction).set(register);
}
