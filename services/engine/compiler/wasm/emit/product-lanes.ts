import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { LanesPlan } from "../lower/product-plan.ts";
import type { Lanes } from "./group-body.ts";
import { loadVector, type Matrix, type ProductEmitter, type Tile } from "./product.ts";
import { emitPacking } from "./product-packing.ts";

/** Emits a product whose vectors run along the inner axis. */
export function emitLanesProduct(emitter: ProductEmitter, plan: LanesPlan): void {
  new LanesProduct(emitter, plan).emit();
}

/** Steps of the depth that are summed before the next tile follows. */
interface DepthBlock {
  readonly steps: number;
  readonly last: boolean;
  readonly numbers: Source;
  readonly vectors: Source;
}

/** An operand as the tiles of a block read it. */
interface Source extends Matrix {
  /** Where the block begins, in bytes, if that is not the beginning of the matrix. */
  readonly start: Local | undefined;
  /** Whether it lies in panels, one for each strip of the inner axis. */
  readonly packed: boolean;
}

/** Loops, from the outermost: blocks of the depth, strips of the inner axis as wide as a tile, tiles down the strip. */
class LanesProduct {
  private readonly f: FunctionBody;
  private readonly emitter: ProductEmitter;
  private readonly plan: LanesPlan;
  private readonly outer: Local;
  private readonly inner: Local;
  /** Where the sums of the next tile are kept between blocks. */
  private readonly partial: Local;

  constructor(emitter: ProductEmitter, plan: LanesPlan) {
    this.f = emitter.f;
    this.emitter = emitter;
    this.plan = plan;
    this.outer = this.f.local("i32");
    this.inner = this.f.local("i32");
    this.partial = this.f.local("i32");
  }

  emit(): void {
    const { f, emitter, plan } = this;
    const { depth } = emitter.work;
    emitter.begin();
    if (plan.partials === undefined) {
      this.depthBlock(depth, undefined, true);
    } else {
      const { address } = emitter.context.home(plan.partials);
      const [elements] = plan.partials.shape as [number];
      f.i32(address)
        .i32(0)
        .i32(4 * elements)
        .memoryFill();
      const start = f.local("i32");
      const last = depth - (depth % plan.depthBlock || plan.depthBlock);
      f.count(start, 0, last, plan.depthBlock, () => this.depthBlock(plan.depthBlock, start, false));
      f.i32(last).set(start);
      this.depthBlock(depth - last, start, true);
      f.release(start);
    }
    emitter.end();
    f.release(this.outer, this.inner, this.partial);
  }

  private depthBlock(steps: number, start: Local | undefined, last: boolean): void {
    const { f, emitter, plan, inner, partial } = this;
    const numbers = this.source(emitter.matrix(plan.numbers), start);
    let vectors = this.source(emitter.matrix(plan.vectors), start);
    const wide = 4 * plan.tile.vectors;
    if (plan.packedVectors !== undefined) {
      const { address } = emitter.context.home(plan.packedVectors);
      emitPacking(f, vectors, vectors.start, address, { count: plan.inner, depth: steps, width: wide });
      if (vectors.start !== undefined) f.release(vectors.start);
      vectors = { base: undefined, address, across: steps, along: wide, start: undefined, packed: true };
    }
    if (plan.partials !== undefined) f.i32(emitter.context.home(plan.partials).address).set(partial);
    const block = { steps, last, numbers, vectors };
    const whole = plan.inner - (plan.inner % wide);
    if (whole > 0) {
      f.count(inner, 0, whole, wide, () => this.strip(block, new Array<Lanes>(plan.tile.vectors).fill(4)));
    }
    if (whole < plan.inner) {
      f.i32(whole).set(inner);
      const rest = plan.inner - whole;
      const lanes = Array.from({ length: Math.ceil(rest / 4) }, (_, vector) => Math.min(4, rest - 4 * vector) as Lanes);
      this.strip(block, lanes);
    }
    for (const pointer of [numbers.start, vectors.start]) if (pointer !== undefined) f.release(pointer);
  }

  private source(matrix: Matrix, start: Local | undefined): Source {
    if (start === undefined) return { ...matrix, start, packed: false };
    const pointer = this.f.local("i32");
    this.f
      .get(start)
      .i32(4 * matrix.along)
      .op(OP.i32Mul)
      .set(pointer);
    return { ...matrix, start: pointer, packed: false };
  }

  private strip(block: DepthBlock, lanes: readonly Lanes[]): void {
    const { f, emitter, plan, outer, inner } = this;
    const { rows } = plan.tile;
    if (block.last) emitter.beginLine(lanes.length);
    const whole = plan.outer - (plan.outer % rows);
    f.count(outer, 0, whole, rows, () => this.tile(block, { rows, vectors: lanes, outer, inner }));
    if (whole < plan.outer) {
      f.i32(whole).set(outer);
      this.tile(block, { rows: plan.outer - whole, vectors: lanes, outer, inner });
    }
    if (block.last) emitter.endLine(inner, lanes);
  }

  private tile(block: DepthBlock, tile: Tile): void {
    const { f, emitter, plan, partial } = this;
    const blocked = plan.partials !== undefined;
    const sums = Array.from({ length: tile.rows }, () => tile.vectors.map(() => f.local("v128")));
    const starts = emitter.loadBias(tile);
    sums.flat().forEach((sum, index) => {
      const start = starts[index % tile.vectors.length];
      if (blocked) loadVector(f, partial, 16 * index);
      else if (start !== undefined) f.get(start);
      else f.f32x4(0);
      f.set(sum);
    });
    f.release(...starts);
    sumBlock(f, block, tile, sums);
    if (block.last) {
      emitter.finishTile(tile, sums);
    } else {
      sums.flat().forEach((sum, index) => {
        f.get(partial)
          .get(sum)
          .memory(MEMORY.v128Store, 16 * index);
      });
    }
    if (blocked) advance(f, partial, 4 * sums.flat().length);
    f.release(...sums.flat());
  }
}

/** Emits the terms of a tile over a block of the depth, added to its sums. @param sums by row and vector */
function sumBlock(f: FunctionBody, block: DepthBlock, tile: Tile, sums: readonly (readonly Local[])[]): void {
  const { numbers, vectors, steps } = block;
  const left = pointAt(f, numbers, tile.outer);
  const right = pointAt(f, vectors, tile.inner);
  const operands = tile.vectors.map(() => f.local("v128"));
  const [number, counter] = [f.local("v128"), f.local("i32")];
  // One step of the depth a turn: V8 moves all loads of a straight piece of code to its beginning, and spills them.
  f.count(counter, 0, steps, 1, () => {
    operands.forEach((operand, vector) => {
      loadVector(f, right, vectors.address + 16 * vector).set(operand);
    });
    sums.forEach((row, index) => {
      f.get(left)
        .memory(MEMORY.v128Load32Splat, numbers.address + 4 * numbers.across * index)
        .set(number);
      row.forEach((sum, vector) => {
        f.get(sum)
          .get(number)
          .get(operands[vector] as Local)
          .op(OP.f32x4Mul, OP.f32x4Add)
          .set(sum);
      });
    });
    advance(f, left, numbers.along);
    // The last panel is only as wide as its vectors.
    advance(f, right, vectors.packed ? 4 * operands.length : vectors.along);
  });
  f.release(counter, left, right, number, ...operands);
}

/** @returns a pointer to where a tile's part of an operand begins */
function pointAt(f: FunctionBody, { across, base, start }: Source, position: Local): Local {
  const pointer = f.local("i32");
  f.get(position)
    .i32(4 * across)
    .op(OP.i32Mul);
  if (base !== undefined) f.globalGet(base).op(OP.i32Add);
  if (start !== undefined) f.get(start).op(OP.i32Add);
  f.set(pointer);
  return pointer;
}

function advance(f: FunctionBody, pointer: Local, elements: number): void {
  f.get(pointer)
    .i32(4 * elements)
    .op(OP.i32Add)
    .set(pointer);
}
