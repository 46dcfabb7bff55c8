import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import type { Lanes } from "./group-body.ts";
import { loadFour } from "./loop-nest.ts";
import type { Matrix } from "./product.ts";

/** Floats that are copied at once from consecutive memory: a cache line. */
const LINE = 16;

/** The extent of what is packed. */
interface Extent {
  /** Elements along the kept axis. */
  readonly count: number;
  /** Elements along the summed axis. */
  readonly depth: number;
  /** Elements along the kept axis that a panel holds: a multiple of four. */
  readonly width: number;
}

/**
 * Emits the rearrangement of an operand into panels, each for `width` elements along the kept axis: these elements for
 * every step of the depth, one step after the other. In the last panel a step is only as wide as its vectors, whose spare
 * lanes hold anything.
 *
 * @param start added to the operand's address, in bytes
 * @param target address of the panels
 */
export function emitPacking(
  f: FunctionBody,
  source: Matrix,
  start: Local | undefined,
  target: number,
  extent: Extent,
): void {
  const { count, width } = extent;
  const [from, to, at] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const packing: Packing = { source, target, ...extent, from, to, at };
  // Consecutive elements by whole cache lines; elements that are apart by the four that a vector holds.
  const rise = source.across === 1 ? width * Math.max(1, Math.floor(LINE / width)) : 4;
  const piece = (elements: number) => {
    f.get(at)
      .i32(4 * source.across)
      .op(OP.i32Mul);
    if (source.base !== undefined) f.globalGet(source.base).op(OP.i32Add);
    if (start !== undefined) f.get(start).op(OP.i32Add);
    f.set(from);
    if (source.across === 1) copyPanels(f, packing, elements);
    else turnFour(f, packing, elements as Lanes);
  };
  const whole = count - (count % rise);
  if (whole > 0) f.count(at, 0, whole, rise, () => piece(rise));
  if (whole < count) {
    f.i32(whole).set(at);
    piece(count - whole);
  }
  f.release(from, to, at);
}

interface Packing extends Extent {
  readonly source: Matrix;
  readonly target: number;
  /** Points to the element that is read, from the source's address on. */
  readonly from: Local;
  /** Points to where it goes, from the target on. */
  readonly to: Local;
  /** The position along the kept axis. */
  readonly at: Local;
}

/** Copies whole panels whose elements are consecutive at every step of the depth. */
function copyPanels(f: FunctionBody, packing: Packing, elements: number): void {
  const { source, target, depth, width, from, to, at } = packing;
  const counter = f.local("i32");
  const panels = Math.ceil(elements / width);
  // Only the very last panel may be narrower; it is copied on its own.
  const narrow = Math.ceil((elements - width * (panels - 1)) / 4) * 4;
  const copy = (first: number, last: number, wide: number) => {
    f.get(at)
      .i32(4 * depth)
      .op(OP.i32Mul)
      .set(to);
    f.count(counter, 0, depth, 1, () => {
      for (let panel = first; panel < last; panel++) {
        for (let lane = 0; lane < wide; lane += 4) {
          f.get(to)
            .get(from)
            .memory(MEMORY.v128Load, source.address + 4 * (panel * width + lane))
            .memory(MEMORY.v128Store, target + 4 * (panel * width * depth + lane));
        }
      }
      advance(f, from, source.along);
      advance(f, to, wide);
    });
  };
  const even = narrow === width ? panels : panels - 1;
  if (even > 0) copy(0, even, width);
  if (even < panels) {
    if (even > 0)
      f.get(from)
        .i32(4 * source.along * depth)
        .op(OP.i32Sub)
        .set(from);
    copy(even, panels, narrow);
  }
  f.release(counter);
}

/** Packs up to four elements of the kept axis, which are apart in memory: four steps of the depth at a time. */
function turnFour(f: FunctionBody, packing: Packing, lanes: Lanes): void {
  const { source, target, count, depth, width, from, to, at } = packing;
  const [counter, step] = [f.local("i32"), f.local("i32")];
  // In the last panel a step is as wide as the vectors that are left.
  const panels = count - (count % width);
  const last = Math.ceil((count - panels) / 4) * 4;
  f.get(at)
    .i32(width)
    .op(OP.i32RemS)
    .i32(2)
    .op(OP.i32Shl)
    .get(at)
    .get(at)
    .i32(width)
    .op(OP.i32RemS, OP.i32Sub)
    .i32(4 * depth)
    .op(OP.i32Mul, OP.i32Add)
    .set(to);
  if (last === 0) f.i32(4 * width).set(step);
  else
    f.i32(4 * width)
      .i32(4 * last)
      .get(at)
      .i32(panels)
      .op(OP.i32LtU, OP.select)
      .set(step);
  const next = () => f.get(to).get(step).op(OP.i32Add).set(to);
  const whole = source.along === 1 ? depth & ~3 : 0;
  if (whole > 0) {
    f.count(counter, 0, whole, 4, () => {
      for (const turned of turnedFour(f, from, source, lanes)) {
        f.get(to).get(turned).memory(MEMORY.v128Store, target);
        next();
        f.release(turned);
      }
      advance(f, from, 4);
    });
  }
  if (whole < depth) {
    f.count(counter, whole, depth, 1, () => {
      f.get(to);
      loadFour(f, from, source.address, source.across, lanes);
      f.memory(MEMORY.v128Store, target);
      next();
      advance(f, from, source.along);
    });
  }
  f.release(counter, step);
}

/** @returns four registers, one for each step of the depth, with a lane for each of up to four kept elements */
function turnedFour(f: FunctionBody, from: Local, source: Matrix, lanes: Lanes): Local[] {
  const rows = [0, 1, 2, 3].map((row) => {
    const register = f.local("v128");
    f.get(from)
      .memory(MEMORY.v128Load, source.address + 4 * source.across * Math.min(row, lanes - 1))
      .set(register);
    return register;
  });
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const pair = (x: Local, y: Local, order: readonly [number, number, number, number]): Local => {
    const register = f.local("v128");
    f.get(x).get(y).shuffle(order).set(register);
    return register;
  };
  const [lowLeft, highLeft] = [pair(a, b, [0, 4, 1, 5]), pair(a, b, [2, 6, 3, 7])];
  const [lowRight, highRight] = [pair(c, d, [0, 4, 1, 5]), pair(c, d, [2, 6, 3, 7])];
  const turned = [
    pair(lowLeft, lowRight, [0, 1, 4, 5]),
    pair(lowLeft, lowRight, [2, 3, 6, 7]),
    pair(highLeft, highRight, [0, 1, 4, 5]),
    pair(highLeft, highRight, [2, 3, 6, 7]),
  ];
  f.release(...rows, lowLeft, highLeft, lowRight, highRight);
  return turned;
}

function advance(f: FunctionBody, pointer: Local, elements: number): void {
  f.get(pointer)
    .i32(4 * elements)
    .op(OP.i32Add)
    .set(pointer);
}
