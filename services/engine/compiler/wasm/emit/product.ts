import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { Value } from "../../graph/ir.ts";
import type { Group, GroupReduction } from "../lower/groups.ts";
import type { Operand } from "../lower/product-plan.ts";
import type { ProductWork } from "../lower/works.ts";
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
import { loadFour, storeFour } from "./loop-nest.ts";
import { type ProductBias, productBias, productStrides } from "./product-bias.ts";

/** An operand in memory. */
export interface Matrix {
  readonly base: number | undefined;
  readonly address: number;
  readonly across: number;
  readonly along: number;
}

/** A block of the result: so many outer positions by so many inner ones, from where two counters stand. */
export interface Tile {
  readonly rows: number;
  /** Lanes of each vector along the inner axis. */
  readonly vectors: readonly Lanes[];
  readonly outer: Local;
  readonly inner: Local;
}

/** What the emitters of both kinds of products share: operands, and what happens to a finished block. */
export class ProductEmitter {
  readonly f: FunctionBody;
  readonly context: EmitContext;
  readonly work: ProductWork;
  private readonly group: Group;
  /** What the sums begin with, instead of adding it at the end. */
  private readonly bias: ProductBias | undefined;
  private readonly totals = new Map<GroupReduction, Local>();
  /** Sums over the outer axis: a register for each vector of the block. */
  private readonly lines = new Map<GroupReduction, Local[]>();

  constructor(f: FunctionBody, context: EmitContext, group: Group, work: ProductWork) {
    this.f = f;
    this.context = context;
    this.group = group;
    this.work = work;
    this.bias = productBias(context, group, work);
    for (const reduction of group.reductions) {
      if (reduction.form === "total") this.totals.set(reduction, f.local("v128"));
    }
  }

  matrix(operand: Operand): Matrix {
    const view = this.context.works.view(operand.value);
    const { base, address } = this.context.home(view.root);
    return { base, address: address + 4 * view.offset, across: operand.across, along: operand.along };
  }

  begin(): void {
    for (const [reduction, register] of this.totals) pushNeutral(this.f, reduction).set(register);
  }

  end(): void {
    for (const [reduction, register] of this.totals) {
      foldLanes(this.f, reduction, register);
      const { base, address } = this.context.writing(reduction.work.output);
      const at = () => (base === undefined ? this.f.i32(0) : this.f.globalGet(base));
      storeLanes(this.f, at, address, register, 1);
    }
  }

  /** Begins the sums over the outer axis, for so many vectors along the inner one. */
  beginLine(vectors: number): void {
    for (const reduction of this.group.reductions) {
      if (reduction.form === "total") continue;
      const registers = Array.from({ length: vectors }, () => this.f.local("v128"));
      for (const register of registers) pushNeutral(this.f, reduction).set(register);
      this.lines.set(reduction, registers);
    }
  }

  /** Stores the sums over the outer axis, at the inner position of the tile. */
  endLine(inner: Local, vectors: readonly Lanes[]): void {
    const { f } = this;
    for (const [reduction, registers] of this.lines) {
      const { base, address } = this.context.writing(reduction.work.output);
      const pointer = f.local("i32");
      f.get(inner).i32(2).op(OP.i32Shl);
      if (base !== undefined) f.globalGet(base).op(OP.i32Add);
      f.set(pointer);
      registers.forEach((register, index) => {
        storeLanes(f, () => f.get(pointer), address + 16 * index, register, vectors[index] as Lanes);
      });
      f.release(pointer, ...registers);
    }
    this.lines.clear();
  }

  /** Loads what the sums of a tile begin with. @returns a register for each vector, none if they begin with zero */
  loadBias(tile: Tile): Local[] {
    const { f, bias } = this;
    if (bias === undefined) return [];
    const pointers = new Map<string, Local>();
    const registers = tile.vectors.map((lanes, vector) => {
      this.position(tile, 0, vector, lanes, pointers).load(bias.value, bias.map.output.shape);
      const register = f.local("v128");
      f.set(register);
      return register;
    });
    f.release(...pointers.values());
    return registers;
  }

  /** Takes a finished block through the group's other works. @param sums by row and vector */
  finishTile(tile: Tile, sums: readonly (readonly Local[])[]): void {
    const pointers = new Map<string, Local>();
    const made = this.bias?.map.output ?? this.work.output;
    for (let row = 0; row < tile.rows; row++) {
      tile.vectors.forEach((lanes, vector) => {
        const position = this.position(tile, row, vector, lanes, pointers);
        emitBody(this.f, this.context, this.group, position, new Map([[made, sums[row]?.[vector] as Local]]));
      });
    }
    this.f.release(...pointers.values());
  }

  private position(tile: Tile, row: number, vector: number, lanes: Lanes, pointers: Map<string, Local>): Position {
    const { f, context } = this;
    const place = (access: Access) => {
      const [outer, inner] = productStrides(this.work, access.strides);
      const key = `${access.base}:${outer}:${inner}`;
      let pointer = pointers.get(key);
      if (pointer === undefined) {
        pointer = this.pointer(access.base, tile, outer, inner);
        pointers.set(key, pointer);
      }
      return { pointer, address: access.address + 4 * (row * outer + 4 * vector * inner), inner };
    };
    return {
      lanes,
      load: (value, shape) => {
        const { pointer, address, inner } = place(context.reading(value, shape));
        loadFour(f, pointer, address, inner, lanes);
      },
      store: (value: Value, register) => {
        const { pointer, address, inner } = place(context.writing(value));
        storeFour(f, pointer, address, inner === 0 ? 1 : inner, register, lanes);
      },
      reduce: (reduction, register) => {
        const accumulator = this.totals.get(reduction) ?? (this.lines.get(reduction)?.[vector] as Local);
        f.get(accumulator);
        if (reduction.form === "total") pushCounting(f, reduction, register, lanes);
        else f.get(register);
        combine(f, reduction).set(accumulator);
      },
    };
  }

  /** A local that points to the tile's first element, relative to an address. */
  private pointer(base: number | undefined, { outer, inner }: Tile, outerStride: number, innerStride: number): Local {
    const { f } = this;
    const pointer = f.local("i32");
    f.get(outer)
      .i32(4 * outerStride)
      .op(OP.i32Mul);
    if (innerStride !== 0)
      f.get(inner)
        .i32(4 * innerStride)
        .op(OP.i32Mul, OP.i32Add);
    if (base !== undefined) f.globalGet(base).op(OP.i32Add);
    f.set(pointer);
    return pointer;
  }
}

/** Pushes four elements of the operand that is read by vectors. */
export function loadVector(f: FunctionBody, pointer: Local, offset: number): FunctionBody {
  return f.get(pointer).memory(MEMORY.v128Load, offset);
}
