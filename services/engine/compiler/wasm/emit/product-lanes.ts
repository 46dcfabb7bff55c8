import type { FunctionBody, Local } from "../encoder/function-body.ts";
import { MEMORY, OP } from "../encoder/opcodes.ts";
import type { Lanes } from "./group-body.ts";
import { emitPacking, loadVector, type Matrix, type ProductEmitter, type Tile } from "./product.ts";

/** Vectors along the inner axis for so many rows at a time, so that sums and operands fit 16 registers. */
const VECTORS_FOR_ROWS: Readonly<Record<number, number>> = { 1: 6, 2: 4, 3: 3, 4: 2 };

/** Emits a product whose vectors run along the inner axis: in blocks of up to 4 rows by 8 columns. */
export function emitLanesProduct(emitter: ProductEmitter): void {
  const { f, work } = emitter;
  const { plan, depth } = work;
  const numbers = emitter.matrix(plan.numbers);
  let vectors = emitter.matrix(plan.vectors);
  if (plan.packed !== undefined) {
    const { address } = emitter.context.home(plan.packed);
    emitPacking(
      f,
      vectors,
      address,
      { count: depth, stride: vectors.along },
      { count: plan.inner, stride: vectors.across },
    );
    vectors = { base: undefined, address, across: 1, along: plan.inner };
  }
  const rows = Math.min(plan.outer, 4);
  const wide = VECTORS_FOR_ROWS[rows] as number;
  const [outer, inner] = [f.local("i32"), f.local("i32")];
  emitter.begin();
  const strip = (lanes: readonly Lanes[]) => {
    emitter.beginLine(lanes.length);
    const block = (count: number) => {
      const tile: Tile = { rows: count, vectors: lanes, outer, inner };
      const sums = sumBlock(f, tile, numbers, vectors, depth);
      emitter.finishTile(tile, sums);
      f.release(...sums.flat());
    };
    const whole = plan.outer - (plan.outer % rows);
    f.count(outer, 0, whole, rows, () => block(rows));
    if (whole < plan.outer) {
      f.i32(whole).set(outer);
      block(plan.outer - whole);
    }
    emitter.endLine(inner, lanes);
  };
  const whole = plan.inner - (plan.inner % (4 * wide));
  if (whole > 0) f.count(inner, 0, whole, 4 * wide, () => strip(Array.from({ length: wide }, () => 4)));
  if (whole < plan.inner) {
    f.i32(whole).set(inner);
    const rest = plan.inner - whole;
    strip(Array.from({ length: Math.ceil(rest / 4) }, (_, vector) => Math.min(4, rest - 4 * vector) as Lanes));
  }
  emitter.end();
  f.release(outer, inner);
}

/** Emits the sums of a block over the depth. @returns their registers by row and vector */
function sumBlock(f: FunctionBody, tile: Tile, numbers: Matrix, vectors: Matrix, depth: number): Local[][] {
  const sums = Array.from({ length: tile.rows }, () => tile.vectors.map(() => f.local("v128")));
  const [left, right] = [f.local("i32"), f.local("i32")];
  f.get(tile.outer)
    .i32(4 * numbers.across)
    .op(OP.i32Mul);
  if (numbers.base !== undefined) f.globalGet(numbers.base).op(OP.i32Add);
  f.set(left).get(tile.inner).i32(2).op(OP.i32Shl);
  if (vectors.base !== undefined) f.globalGet(vectors.base).op(OP.i32Add);
  f.set(right);
  const operands = tile.vectors.map(() => f.local("v128"));
  const number = f.local("v128");
  for (const row of sums) for (const sum of row) f.f32x4(0).set(sum);
  const counter = f.local("i32");
  // One step of the depth a turn: V8 moves all loads of a straight piece of code to its beginning, and spills them.
  f.count(counter, 0, depth, 1, () => {
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
    for (const [pointer, stride] of [
      [left, numbers.along],
      [right, vectors.along],
    ] as const) {
      f.get(pointer)
        .i32(4 * stride)
        .op(OP.i32Add)
        .set(pointer);
    }
  });
  f.release(counter, left, right, number, ...operands);
  return sums;
}
