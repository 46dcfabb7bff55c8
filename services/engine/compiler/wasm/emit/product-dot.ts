import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { OP } from "../../../../common/wasm/opcodes.ts";
import type { DotPlan } from "../lower/product-plan.ts";
import { type Lanes, storeLanes } from "./group-body.ts";
import { loadFour } from "./loop-nest.ts";
import { loadVector, type Matrix, type ProductEmitter, type Tile } from "./product.ts";

/** Sums that fit the registers together with the vectors of a step. */
const MOST_SUMS = 8;

/** Emits a product whose vectors run along the depth: four inner positions at a time, all outer ones. */
export function emitDotProduct(emitter: ProductEmitter, plan: DotPlan): void {
  const { f } = emitter;
  const { depth } = emitter.work;
  const vectors = emitter.matrix(plan.vectors);
  let numbers = emitter.matrix(plan.numbers);
  if (plan.packedNumbers !== undefined) {
    const { address } = emitter.context.home(plan.packedNumbers);
    emitRows(f, numbers, address, plan.outer, depth);
    numbers = { base: undefined, address, across: depth, along: 1 };
  }
  const [outer, inner] = [f.local("i32"), f.local("i32")];
  f.i32(0).set(outer);
  emitter.begin();
  const block = (lanes: Lanes) => {
    const tile: Tile = { rows: plan.outer, vectors: [lanes], outer, inner };
    const sums = sumBlock(f, tile, lanes, numbers, vectors, depth).map((sum) => [sum]);
    emitter.finishTile(tile, sums);
    f.release(...sums.flat());
  };
  const whole = plan.inner & ~3;
  if (whole > 0) f.count(inner, 0, whole, 4, () => block(4));
  if (whole < plan.inner) {
    f.i32(whole).set(inner);
    block((plan.inner - whole) as Lanes);
  }
  emitter.end();
  f.release(outer, inner);
}

/** Emits the rearrangement of up to three outer positions into consecutive memory: all of the depth for each. */
function emitRows(f: FunctionBody, source: Matrix, target: number, rows: number, depth: number): void {
  const [from, to, at, vector] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("v128")];
  const piece = (lanes: Lanes) => {
    for (let row = 0; row < rows; row++) {
      loadFour(f, from, source.address + 4 * source.across * row, source.along, lanes);
      f.set(vector);
      storeLanes(f, () => f.get(to), target + 4 * depth * row, vector, lanes);
    }
    f.get(from)
      .i32(16 * source.along)
      .op(OP.i32Add)
      .set(from);
    f.get(to).i32(16).op(OP.i32Add).set(to);
  };
  if (source.base === undefined) f.i32(0).set(from);
  else f.globalGet(source.base).set(from);
  f.i32(0).set(to);
  const whole = depth & ~3;
  if (whole > 0) f.count(at, 0, whole, 4, () => piece(4));
  if (whole < depth) piece((depth - whole) as Lanes);
  f.release(from, to, at, vector);
}

/** @returns for each outer position a register with the sums of four inner ones */
function sumBlock(f: FunctionBody, tile: Tile, lanes: Lanes, numbers: Matrix, vectors: Matrix, depth: number): Local[] {
  const parts = Array.from({ length: tile.rows }, () => Array.from({ length: lanes }, () => f.local("v128")));
  const [left, right, counter] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const operands = parts.map(() => f.local("v128"));
  const vector = f.local("v128");
  for (const row of parts) for (const part of row) f.f32x4(0).set(part);
  const masked = (count: number) => {
    if (count < 4) f.i32x4(...[0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0))).op(OP.v128And);
  };
  const together = Math.floor(MOST_SUMS / tile.rows);
  for (let first = 0; first < lanes; first += together) {
    const term = (count: number) => {
      operands.forEach((operand, row) => {
        loadVector(f, left, numbers.address + 4 * numbers.across * row);
        masked(count);
        f.set(operand);
      });
      for (let lane = first; lane < Math.min(lanes, first + together); lane++) {
        loadVector(f, right, vectors.address + 4 * vectors.across * lane);
        masked(count);
        f.set(vector);
        parts.forEach((row, index) => {
          const part = row[lane] as Local;
          f.get(part)
            .get(vector)
            .get(operands[index] as Local)
            .op(OP.f32x4Mul, OP.f32x4Add)
            .set(part);
        });
      }
    };
    if (numbers.base === undefined) f.i32(0).set(left);
    else f.globalGet(numbers.base).set(left);
    f.get(tile.inner)
      .i32(4 * vectors.across)
      .op(OP.i32Mul);
    if (vectors.base !== undefined) f.globalGet(vectors.base).op(OP.i32Add);
    f.set(right);
    const whole = depth & ~3;
    if (whole > 0) {
      f.count(counter, 0, whole, 4, () => {
        term(4);
        for (const pointer of [left, right]) f.get(pointer).i32(16).op(OP.i32Add).set(pointer);
      });
    }
    if (whole < depth) term(depth - whole);
  }
  const sums = parts.map((row) => gathered(f, row));
  f.release(counter, left, right, vector, ...operands);
  return sums;
}

/** Adds the lanes of each of up to four registers, (0 + 2) + (1 + 3). @returns a register with one sum a lane */
function gathered(f: FunctionBody, parts: readonly Local[]): Local {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => parts[lane] ?? (parts[0] as Local)) as [Local, Local, Local, Local];
  const [low, high] = [f.local("v128"), f.local("v128")];
  const halves = (x: Local, y: Local) =>
    f.get(x).get(y).shuffle([0, 4, 1, 5]).get(x).get(y).shuffle([2, 6, 3, 7]).op(OP.f32x4Add);
  halves(a, b).set(low);
  halves(c, d).set(high);
  f.get(low).get(high).shuffle([0, 1, 4, 5]).get(low).get(high).shuffle([2, 3, 6, 7]).op(OP.f32x4Add).set(low);
  f.release(high, ...parts);
  return low;
}
