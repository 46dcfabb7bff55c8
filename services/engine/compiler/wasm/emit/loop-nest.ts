import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { LANE_MEMORY, MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { Value } from "../../graph/ir.ts";
import type { Group, GroupReduction } from "../lower/groups.ts";
import { contiguousStrides } from "../lower/view.ts";
import type { Access, EmitContext } from "./context.ts";
import {
  combine,
  emitBody,
  foldLanes,
  type Lanes,
  type Position,
  pushCounting,
  pushNeutral,
  storeLanes,
} from "./group-body.ts";

/** A pointer that walks with the loops; accesses with equal strides share one. */
interface Cursor {
  readonly base: number | undefined;
  readonly strides: number[];
  /** Where it begins, in bytes. */
  readonly start: number;
  readonly pointer: Local;
}

/**
 * Emits a group without a product: nested loops over its space, the innermost by four elements, with a last turn for what
 * is left of a row.
 *
 * Sums run in one fixed order. Over everything, and within a row: four partial sums, one for each lane, that take every
 * fourth element in order and are added as (0 + 2) + (1 + 3). Down the columns: row by row in order.
 */
export function emitLoopNest(f: FunctionBody, context: EmitContext, group: Group): void {
  new LoopNest(f, context, group).emit();
}

class LoopNest {
  private readonly f: FunctionBody;
  private readonly context: EmitContext;
  private readonly group: Group;
  private readonly accesses = new Map<string, Access>();
  private readonly cursors: Cursor[] = [];
  /** Sizes of the loops, outermost first, after neighboring axes have been joined. */
  private sizes: number[] = [];
  /** Loops that run over rows; the others run within one. */
  private rowLevels = 0;
  private readonly accumulators = new Map<GroupReduction, Local>();

  constructor(f: FunctionBody, context: EmitContext, group: Group) {
    this.f = f;
    this.context = context;
    this.group = group;
  }

  emit(): void {
    const { f, group, context } = this;
    for (const { value, shape } of this.loads()) this.know(context.reading(value, shape));
    for (const value of group.elements()) if (context.isStored(value)) this.know(context.writing(value));
    for (const reduction of group.reductions) if (reduction.form !== "total") this.know(this.target(reduction));
    this.joinAxes();
    for (const cursor of this.cursors) {
      f.i32(cursor.start);
      if (cursor.base !== undefined) f.globalGet(cursor.base).op(OP.i32Add);
      f.set(cursor.pointer);
    }
    for (const reduction of group.reductions) {
      if (reduction.form === "column") this.fillColumns(reduction);
      else this.accumulators.set(reduction, f.local("v128"));
    }
    this.resetAccumulators("total");
    this.level(0);
    for (const reduction of group.reductions) if (reduction.form === "total") this.finish(reduction);
  }

  private loads(): { readonly value: Value; readonly shape: readonly number[] }[] {
    const own = new Set(this.group.elements());
    return this.group.reads().filter(({ value }) => {
      const { root } = this.context.works.view(value);
      return !own.has(root) && this.context.isStored(root);
    });
  }

  private know(access: Access): void {
    const key = cursorKey(access);
    if (this.accesses.has(key)) return;
    this.accesses.set(key, access);
    const start = runsBackwards(access) ? access.address : 0;
    this.cursors.push({ base: access.base, strides: [...access.strides], start, pointer: this.f.local("i32") });
  }

  private cursorOf(access: Access): Cursor {
    const index = [...this.accesses.keys()].indexOf(cursorKey(access));
    return this.cursors[index] as Cursor;
  }

  /** Where a reduction within rows or down the columns goes, with stride 0 along what is reduced. */
  private target({ form, work }: GroupReduction): Access {
    const { space, rowAxes = 0 } = this.group;
    const kept = form === "row" ? space.slice(0, rowAxes) : space.slice(rowAxes);
    const strides = contiguousStrides(kept);
    const none = (axes: readonly number[]) => axes.map(() => 0);
    const { base, address } = this.context.writing(work.output);
    return {
      ...(base !== undefined && { base }),
      address,
      strides:
        form === "row" ? [...strides, ...none(space.slice(rowAxes))] : [...none(space.slice(0, rowAxes)), ...strides],
    };
  }

  /** Makes one loop of neighboring axes over which every access goes on evenly. */
  private joinAxes(): void {
    const { space, rowAxes } = this.group;
    const sizes = [...space];
    let rows = rowAxes ?? 0;
    for (let axis = sizes.length - 2; axis >= 0; axis--) {
      if (axis + 1 === rows) continue;
      const inner = sizes[axis + 1] as number;
      if (!this.cursors.every(({ strides }) => strides[axis] === (strides[axis + 1] as number) * inner)) continue;
      sizes.splice(axis, 2, (sizes[axis] as number) * inner);
      for (const { strides } of this.cursors) strides.splice(axis, 1);
      if (axis + 1 < rows) rows--;
    }
    this.sizes = sizes;
    this.rowLevels = rowAxes === undefined ? -1 : rows;
  }

  private resetAccumulators(form: "total" | "row"): void {
    for (const [reduction, register] of this.accumulators) {
      if (reduction.form === form) pushNeutral(this.f, reduction).set(register);
    }
  }

  private level(depth: number): void {
    if (depth === this.rowLevels) {
      this.resetAccumulators("row");
      this.loops(depth);
      for (const reduction of this.group.reductions) if (reduction.form === "row") this.finish(reduction);
    } else {
      this.loops(depth);
    }
  }

  private loops(depth: number): void {
    const { f, sizes } = this;
    if (depth >= sizes.length) {
      this.body(1, new Map());
      return;
    }
    const count = sizes[depth] as number;
    if (depth === sizes.length - 1) {
      this.innermost(count, depth);
      return;
    }
    const counter = f.local("i32");
    f.count(counter, 0, count, 1, () => {
      this.level(depth + 1);
      this.advance(depth, 1);
    });
    f.release(counter);
    this.advance(depth, -count);
  }

  private advance(depth: number, steps: number): void {
    for (const { strides, pointer } of this.cursors) {
      const stride = strides[depth] as number;
      if (stride !== 0)
        this.f
          .get(pointer)
          .i32(4 * stride * steps)
          .op(OP.i32Add)
          .set(pointer);
    }
  }

  private innermost(count: number, depth: number): void {
    const { f } = this;
    const vectors = count >> 2;
    const rest = count & 3;
    const hoisted = this.hoist(depth);
    if (vectors === 1) {
      this.body(4, hoisted);
      this.advance(depth, 4);
    } else if (vectors > 1) {
      const counter = f.local("i32");
      f.count(counter, 0, vectors, 1, () => {
        this.body(4, hoisted);
        this.advance(depth, 4);
      });
      f.release(counter);
    }
    if (rest > 0) this.body(rest as Lanes, hoisted);
    if (depth > 0 && vectors > 0) this.advance(depth, -4 * vectors);
    f.release(...hoisted.values());
  }

  /** Loads what stays the same along the innermost loop before it. */
  private hoist(depth: number): Map<string, Local> {
    const hoisted = new Map<string, Local>();
    for (const { value, shape } of this.loads()) {
      const access = this.context.reading(value, shape);
      const key = accessKey(access);
      if ((this.cursorOf(access).strides[depth] as number) !== 0 || hoisted.has(key)) continue;
      const register = this.f.local("v128");
      this.f.get(this.cursorOf(access).pointer).memory(MEMORY.v128Load32Splat, immediate(access)).set(register);
      hoisted.set(key, register);
    }
    return hoisted;
  }

  private body(lanes: Lanes, hoisted: ReadonlyMap<string, Local>): void {
    const { f, context } = this;
    const position: Position = {
      lanes,
      load: (value, shape) => {
        const access = context.reading(value, shape);
        const { pointer, strides } = this.cursorOf(access);
        const known = hoisted.get(accessKey(access));
        if (known !== undefined) f.get(known);
        else loadFour(f, pointer, immediate(access), strides.at(-1) ?? 0, lanes);
      },
      store: (value, register) => {
        const access = context.writing(value);
        const { pointer, strides } = this.cursorOf(access);
        storeFour(f, pointer, access.address, strides.at(-1) ?? 1, register, lanes);
      },
      reduce: (reduction, register) => this.reduce(reduction, register, lanes),
    };
    emitBody(f, context, this.group, position, new Map());
  }

  private reduce(reduction: GroupReduction, register: Local, lanes: Lanes): void {
    const { f } = this;
    if (reduction.form !== "column") {
      const accumulator = this.accumulators.get(reduction) as Local;
      f.get(accumulator);
      pushCounting(f, reduction, register, lanes);
      combine(f, reduction).set(accumulator);
      return;
    }
    const access = this.target(reduction);
    const { pointer, strides } = this.cursorOf(access);
    const stride = strides.at(-1) as number;
    loadFour(f, pointer, access.address, stride, lanes);
    f.get(register);
    combine(f, reduction).set(register);
    storeFour(f, pointer, access.address, stride, register, lanes);
  }

  /** Columns are summed in memory: they begin with what changes nothing. */
  private fillColumns(reduction: GroupReduction): void {
    const { f } = this;
    const { base, address } = this.context.writing(reduction.work.output);
    const count = this.group.space.slice(this.group.rowAxes).reduce((product, dimension) => product * dimension, 1);
    const [counter, neutral] = [f.local("i32"), f.local("v128")];
    pushNeutral(f, reduction).set(neutral);
    const at = () => {
      f.get(counter);
      if (base !== undefined) f.globalGet(base).op(OP.i32Add);
    };
    if (count >= 4) f.count(counter, 0, 4 * (count & ~3), 16, () => storeLanes(f, at, address, neutral, 4));
    f.i32(4 * (count & ~3)).set(counter);
    if ((count & 3) !== 0) storeLanes(f, at, address, neutral, (count & 3) as Lanes);
    f.release(counter, neutral);
  }

  private finish(reduction: GroupReduction): void {
    const { f } = this;
    const accumulator = this.accumulators.get(reduction) as Local;
    foldLanes(f, reduction, accumulator);
    if (reduction.form === "row") {
      const access = this.target(reduction);
      const { pointer } = this.cursorOf(access);
      storeLanes(f, () => f.get(pointer), access.address, accumulator, 1);
      return;
    }
    const { base, address } = this.context.writing(reduction.work.output);
    storeLanes(f, () => (base === undefined ? f.i32(0) : f.globalGet(base)), address, accumulator, 1);
  }
}

/**
 * The address and the offset of an instruction are added without wrapping, so that a pointer must not fall below zero:
 * one that runs backwards begins at the address itself.
 */
function runsBackwards({ strides }: Access): boolean {
  return strides.some((stride) => stride < 0);
}

function immediate(access: Access): number {
  return runsBackwards(access) ? 0 : access.address;
}

function cursorKey(access: Access): string {
  return `${access.base}:${access.strides}${runsBackwards(access) ? `:${access.address}` : ""}`;
}

function accessKey(access: Access): string {
  return `${access.base}:${access.address}:${access.strides}`;
}

/** Pushes elements at a stride from a pointer. */
export function loadFour(f: FunctionBody, pointer: Local, address: number, stride: number, lanes: Lanes): void {
  if (stride === 1) f.get(pointer).memory(MEMORY.v128Load, address);
  else if (stride === 0) f.get(pointer).memory(MEMORY.v128Load32Splat, address);
  else {
    f.get(pointer).memory(MEMORY.v128Load32Zero, address);
    const vector = f.local("v128");
    for (let lane = 1; lane < lanes; lane++) {
      f.set(vector)
        .get(pointer)
        .i32(4 * stride * lane)
        .op(OP.i32Add)
        .get(vector);
      f.laneMemory(LANE_MEMORY.v128Load32Lane, address, lane);
    }
    f.release(vector);
  }
}

/** Stores lanes at a stride from a pointer. */
export function storeFour(
  f: FunctionBody,
  pointer: Local,
  address: number,
  stride: number,
  register: Local,
  lanes: Lanes,
): void {
  if (stride === 1 || lanes === 1) {
    storeLanes(f, () => f.get(pointer), address, register, lanes);
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    f.get(pointer)
      .get(register)
      .laneMemory(LANE_MEMORY.v128Store32Lane, address + 4 * stride * lane, lane);
  }
}
