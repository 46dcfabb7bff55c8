import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { Value } from "../../graph/ir.ts";
import type { Group, GroupReduction } from "../lower/groups.ts";
import { contiguousStrides } from "../lower/view.ts";
import type { Access, EmitContext } from "./context.ts";
import { combine, emitBody, foldLanes, type Lanes, pushCounting, pushNeutral, storeLanes } from "./group-body.ts";
import { loadFour, storeFour } from "./loop-nest.ts";

/** Distances between neighbors along the rows and along the columns, in elements. */
interface Steps {
  readonly row: number;
  readonly column: number;
}

/** Walks along the rows and strips; accesses with equal steps share one. */
interface Pointer {
  readonly base: number | undefined;
  readonly steps: Steps;
  readonly pointer: Local;
}

/** Registers that the sums and the operands of a strip may take together. */
const STRIP_REGISTERS = 8;
/** Most vectors side by side in a strip. */
const WIDEST_STRIP = 4;

/**
 * Emits a group with sums down the columns strip by strip: a few vectors side by side, over all rows, so that the sums and
 * what is the same in every row stay in registers. Each column is summed row by row in order; sums over everything take
 * the strips one after the other.
 *
 * @returns false, having emitted nothing, if the group has no such sums or its accesses are not those of a matrix
 */
export function emitColumnStrips(f: FunctionBody, context: EmitContext, group: Group): boolean {
  const { space, rowAxes = 0, reductions } = group;
  const forms = reductions.map(({ form }) => form);
  if (rowAxes === 0 || !forms.includes("column") || forms.includes("row")) return false;
  const strips = new ColumnStrips(f, context, group, {
    rows: elements(space.slice(0, rowAxes)),
    columns: elements(space.slice(rowAxes)),
  });
  if (!strips.possible()) return false;
  strips.emit();
  return true;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

class ColumnStrips {
  private readonly f: FunctionBody;
  private readonly context: EmitContext;
  private readonly group: Group;
  private readonly size: { readonly rows: number; readonly columns: number };
  private readonly pointers = new Map<string, Pointer>();
  private readonly totals = new Map<GroupReduction, Local>();
  /** The sums down the columns, a register for each vector of the strip. */
  private readonly sums = new Map<GroupReduction, Local[]>();
  /** Loaded once a strip or once a row, by access and vector. */
  private readonly held = new Map<string, Local>();

  constructor(
    f: FunctionBody,
    context: EmitContext,
    group: Group,
    size: { readonly rows: number; readonly columns: number },
  ) {
    this.f = f;
    this.context = context;
    this.group = group;
    this.size = size;
  }

  /** Whether every access runs evenly forward along the rows and along the columns. */
  possible(): boolean {
    return [...this.reads(), ...this.writes()].every((access) => this.steps(access) !== undefined);
  }

  emit(): void {
    const { f, group, size } = this;
    for (const access of [...this.reads(), ...this.writes()]) this.know(access);
    for (const { pointer, base } of this.pointers.values()) {
      if (base === undefined) f.i32(0).set(pointer);
      else f.globalGet(base).set(pointer);
    }
    for (const reduction of group.reductions) {
      if (reduction.form !== "total") continue;
      const register = f.local("v128");
      pushNeutral(f, reduction).set(register);
      this.totals.set(reduction, register);
    }
    const wide = this.width();
    const whole = size.columns - (size.columns % (4 * wide));
    const counter = f.local("i32");
    if (whole > 0) f.count(counter, 0, whole, 4 * wide, () => this.strip(Array.from({ length: wide }, () => 4)));
    f.release(counter);
    const rest = size.columns - whole;
    if (rest > 0) {
      this.strip(Array.from({ length: Math.ceil(rest / 4) }, (_, vector) => Math.min(4, rest - 4 * vector) as Lanes));
    }
    for (const [reduction, register] of this.totals) {
      foldLanes(f, reduction, register);
      const { base, address } = this.context.writing(reduction.work.output);
      storeLanes(f, () => (base === undefined ? f.i32(0) : f.globalGet(base)), address, register, 1);
    }
  }

  /** Vectors of a strip, so that what it keeps fits the registers. */
  private width(): number {
    const invariant = new Set(
      this.reads()
        .filter((access) => this.steps(access)?.row === 0)
        .map((access) => accessKey(access)),
    );
    const kept = invariant.size + this.group.reductions.filter(({ form }) => form === "column").length;
    return Math.max(1, Math.min(WIDEST_STRIP, Math.floor(STRIP_REGISTERS / kept)));
  }

  private strip(lanes: readonly Lanes[]): void {
    const { f, group, size } = this;
    for (const reduction of group.reductions) {
      if (reduction.form !== "column") continue;
      const registers = lanes.map(() => f.local("v128"));
      for (const register of registers) pushNeutral(f, reduction).set(register);
      this.sums.set(reduction, registers);
    }
    for (const access of this.reads()) {
      if (this.steps(access)?.row === 0) this.hold(access, lanes);
    }
    const ofStrip = new Set(this.held.keys());
    const row = f.local("i32");
    f.count(row, 0, size.rows, 1, () => {
      for (const access of this.reads()) {
        if (this.steps(access)?.column === 0) this.hold(access, lanes);
      }
      lanes.forEach((count, vector) => {
        this.body(count, vector);
      });
      this.advance(({ row: step }) => 4 * step);
      const ofRow = [...this.held].filter(([key]) => !ofStrip.has(key));
      for (const [key] of ofRow) this.held.delete(key);
      f.release(...new Set(ofRow.map(([, register]) => register)));
    });
    f.release(row, ...new Set(this.held.values()));
    this.held.clear();
    this.advance(({ row: step }) => -4 * step * size.rows);
    for (const [reduction, registers] of this.sums) {
      const access = this.target(reduction);
      registers.forEach((register, vector) => {
        storeLanes(
          f,
          () => f.get(this.pointer(access)),
          access.address + 16 * vector,
          register,
          lanes[vector] as Lanes,
        );
      });
      f.release(...registers);
    }
    this.sums.clear();
    this.advance(({ column }) => 16 * column * lanes.length);
  }

  private body(lanes: Lanes, vector: number): void {
    const { f, context, group } = this;
    const offset = (access: Access) => access.address + 16 * vector * (this.steps(access) as Steps).column;
    emitBody(
      f,
      context,
      group,
      {
        lanes,
        load: (value, shape) => {
          const access = context.reading(value, shape);
          const known = this.held.get(heldKey(access, vector));
          if (known !== undefined) f.get(known);
          else loadFour(f, this.pointer(access), offset(access), (this.steps(access) as Steps).column, lanes);
        },
        store: (value: Value, register) => {
          const access = context.writing(value);
          storeFour(f, this.pointer(access), offset(access), (this.steps(access) as Steps).column, register, lanes);
        },
        reduce: (reduction, register) => {
          const total = this.totals.get(reduction);
          const sum = total ?? (this.sums.get(reduction)?.[vector] as Local);
          f.get(sum);
          if (total === undefined) f.get(register);
          else pushCounting(f, reduction, register, lanes);
          combine(f, reduction).set(sum);
        },
      },
      new Map(),
    );
  }

  /** Loads what is used again. Numbers that are the same along the row take one register for all vectors. */
  private hold(access: Access, lanes: readonly Lanes[]): void {
    const { f } = this;
    const { column } = this.steps(access) as Steps;
    let register: Local | undefined;
    for (const [vector, count] of lanes.entries()) {
      const key = heldKey(access, vector);
      if (this.held.has(key)) continue;
      if (column !== 0 || register === undefined) {
        register = f.local("v128");
        if (column === 0) f.get(this.pointer(access)).memory(MEMORY.v128Load32Splat, access.address);
        else loadFour(f, this.pointer(access), access.address + 16 * vector * column, column, count);
        f.set(register);
      }
      this.held.set(key, register);
    }
  }

  private advance(bytes: (steps: Steps) => number): void {
    for (const { pointer, steps } of this.pointers.values()) {
      if (bytes(steps) !== 0) this.f.get(pointer).i32(bytes(steps)).op(OP.i32Add).set(pointer);
    }
  }

  private know(access: Access): void {
    const key = pointerKey(access, this.steps(access) as Steps);
    if (!this.pointers.has(key)) {
      const pointer = this.f.local("i32");
      this.pointers.set(key, { base: access.base, steps: this.steps(access) as Steps, pointer });
    }
  }

  private pointer(access: Access): Local {
    return (this.pointers.get(pointerKey(access, this.steps(access) as Steps)) as Pointer).pointer;
  }

  private reads(): Access[] {
    const own = new Set(this.group.elements());
    return this.group
      .reads()
      .filter(({ value }) => {
        const { root } = this.context.works.view(value);
        return !own.has(root) && this.context.isStored(root);
      })
      .map(({ value, shape }) => this.context.reading(value, shape));
  }

  private writes(): Access[] {
    const { group, context } = this;
    const stored = group.elements().filter((value) => context.isStored(value));
    const columns = group.reductions.filter(({ form }) => form === "column");
    return [...stored.map((value) => context.writing(value)), ...columns.map((reduction) => this.target(reduction))];
  }

  /** Where the sums down the columns go. */
  private target({ work }: GroupReduction): Access {
    const { space, rowAxes = 0 } = this.group;
    const none = space.slice(0, rowAxes).map(() => 0);
    return { ...this.context.writing(work.output), strides: [...none, ...contiguousStrides(space.slice(rowAxes))] };
  }

  private steps({ strides }: Access): Steps | undefined {
    const { space, rowAxes = 0 } = this.group;
    const row = joined(space.slice(0, rowAxes), strides.slice(0, rowAxes));
    const column = joined(space.slice(rowAxes), strides.slice(rowAxes));
    return row === undefined || column === undefined ? undefined : { row, column };
  }
}

/** The one distance between all neighbors along the axes, or undefined if there is none or it is negative. */
function joined(shape: readonly number[], strides: readonly number[]): number | undefined {
  const step = strides.at(-1) as number;
  const even = contiguousStrides(shape).every((distance, axis) => strides[axis] === distance * step);
  return even && step >= 0 ? step : undefined;
}

function accessKey({ base, address, strides }: Access): string {
  return `${base ?? ""}:${address}:${strides}`;
}

function heldKey(access: Access, vector: number): string {
  return `${accessKey(access)}:${vector}`;
}

function pointerKey({ base }: Access, { row, column }: Steps): string {
  return `${base ?? ""}:${row}:${column}`;
}
