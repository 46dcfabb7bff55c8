import type { FunctionBody } from "../../../common/wasm/function-body.ts";
import type { ModuleBuilder } from "../../../common/wasm/module-builder.ts";
import { OP } from "../../../common/wasm/opcodes.ts";
import type { Node, Value } from "../graph/ir.ts";
import { size } from "../graph/ir.ts";
import { emitColumnStrips } from "./emit/column-strips.ts";
import { EmitContext } from "./emit/context.ts";
import { emitLoopNest } from "./emit/loop-nest.ts";
import { emitOther } from "./emit/other-operators.ts";
import { ProductEmitter } from "./emit/product.ts";
import { emitDotProduct } from "./emit/product-dot.ts";
import { emitLanesProduct } from "./emit/product-lanes.ts";
import { FusedGroups, type Group } from "./lower/groups.ts";
import { legalize } from "./lower/legalize.ts";
import { type Home, type Kept, planMemory } from "./lower/memory-plan.ts";
import { sinkMaps } from "./lower/sink-maps.ts";
import { UnsupportedOperator } from "./lower/unsupported.ts";
import { toWorks } from "./lower/works.ts";
import { MathLibrary } from "./math/math-library.ts";

export interface StepGraphToGenerate {
  readonly nodes: readonly Node[];
  /** Homes of everything that the step reads from outside: inputs and states. */
  readonly homes: ReadonlyMap<Value, Home>;
  /** States, by what the step reads and what the next one reads. */
  readonly kept: readonly Kept[];
  /** States in which denormal numbers become zero. */
  readonly flushed: ReadonlySet<Value>;
  readonly results: readonly Value[];
  /** First byte of the memory that the step may use for itself. */
  readonly from: number;
}

export interface GeneratedStep {
  /** Calls the step's functions, in order. */
  readonly emit: (f: FunctionBody) => void;
  /** Where the results are, contiguous. */
  readonly results: readonly Home[];
  /** First byte after the memory that the step uses. */
  readonly bytes: number;
}

/**
 * Generates the functions of one step: legalizes the graph, turns renamings into views, fuses what runs over the same
 * elements, plans memory, and emits one function for each group.
 *
 * @throws UnsupportedOperator if the graph holds an operator that is not generated
 */
export function generateStep(module: ModuleBuilder, step: StepGraphToGenerate): GeneratedStep {
  const ends = [...step.results, ...step.kept.map(({ after }) => after)];
  const works = toWorks(legalize(step.nodes), new Set(step.homes.keys()), ends);
  const fused = new FusedGroups(works);
  sinkMaps(works, fused, ends);
  const plan = planMemory(works, fused, step.homes, step.kept, step.results, step.from);
  const flushed = new Set([...step.flushed].map((value) => works.view(value).root));
  const context = new EmitContext(works, plan.homes, new MathLibrary(module), flushed);
  for (const constant of plan.constants) module.place(context.home(constant).address, laneBytes(constant));
  const calls = plan.groups.map((group) =>
    module.function({ parameters: [], results: [] }, (f) => emitGroup(f, context, group)),
  );
  const homeOf = (value: Value): Home => {
    const view = works.view(value);
    const { base, address } = context.home(view.root);
    return { ...(base !== undefined && { base }), address: address + 4 * view.offset };
  };
  return {
    results: step.results.map(homeOf),
    bytes: plan.bytes + moveBytes(plan.moves),
    emit(f) {
      for (const call of calls) f.call(call);
      emitMoves(f, plan.moves, homeOf, plan.bytes);
    },
  };
}

function emitGroup(f: FunctionBody, context: EmitContext, group: Group): void {
  if (group.other !== undefined) emitOther(f, context, group.other);
  else if (group.product === undefined) {
    if (!emitColumnStrips(f, context, group)) emitLoopNest(f, context, group);
  } else {
    const emitter = new ProductEmitter(f, context, group, group.product);
    const { plan } = group.product;
    if (plan.kind === "lanes") emitLanesProduct(emitter, plan);
    else emitDotProduct(emitter, plan);
  }
}

function moveBytes(moves: readonly Kept[]): number {
  return moves.length < 2 ? 0 : moves.reduce((sum, { before }) => sum + 4 * size(before.shape), 0);
}

/** Copies what could not be computed in place; all into spare memory first, because one state may be another's next value. */
function emitMoves(f: FunctionBody, moves: readonly Kept[], homeOf: (value: Value) => Home, spare: number): void {
  const push = (home: Home) => {
    f.i32(home.address);
    if (home.base !== undefined) f.globalGet(home.base).op(OP.i32Add);
  };
  const copy = (to: Home, from: Home, elements: number) => {
    push(to);
    push(from);
    f.i32(4 * elements).memoryCopy();
  };
  const [only] = moves;
  if (moves.length === 1 && only !== undefined) {
    copy(homeOf(only.before), homeOf(only.after), size(only.before.shape));
    return;
  }
  let address = spare;
  const held = moves.map(({ after }) => {
    const home = { address };
    copy(home, homeOf(after), size(after.shape));
    address += 4 * size(after.shape);
    return home;
  });
  moves.forEach(({ before }, index) => {
    copy(homeOf(before), held[index] as Home, size(before.shape));
  });
}

/** A constant as the module's memory holds it: four bytes an element, bools as masks. */
function laneBytes(value: Value): Uint8Array {
  const { constant, type } = value;
  if (constant instanceof Float32Array || constant instanceof Int32Array) {
    return new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength);
  }
  if (constant instanceof Uint8Array)
    return new Uint8Array(Int32Array.from(constant, (bit) => (bit === 0 ? 0 : -1)).buffer);
  if (constant instanceof BigInt64Array) return new Uint8Array(Int32Array.from(constant, Number).buffer);
  throw new UnsupportedOperator("Constant", `of type ${type}`);
}
