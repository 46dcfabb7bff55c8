import type { FunctionBody } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import { type Lanes, storeLanes } from "./group-body.ts";

/** A resident column whose rows are copied into the batch. */
export interface GatheredColumn {
  /** The global that points to the column. */
  readonly source: number;
  /** Of the batch, [batch, width]. */
  readonly address: number;
  readonly width: number;
}

/** Rows of up to this many numbers are copied without a loop. */
const WIDEST_UNROLLED = 64;

/** Emits the copies of a batch's rows. @param indices the global that points to its row numbers */
export function emitGather(f: FunctionBody, indices: number, batch: number, columns: readonly GatheredColumn[]): void {
  const [row, number, from, to, at] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const vector = f.local("v128");
  f.count(row, 0, batch, 1, () => {
    f.globalGet(indices).get(row).i32(2).op(OP.i32Shl, OP.i32Add).memory(MEMORY.i32Load, 0).set(number);
    for (const { source, address, width } of columns) {
      f.globalGet(source)
        .get(number)
        .i32(4 * width)
        .op(OP.i32Mul, OP.i32Add)
        .set(from);
      f.get(row)
        .i32(4 * width)
        .op(OP.i32Mul)
        .set(to);
      const move = (offset: number, lanes: Lanes) => {
        f.get(from).memory(MEMORY.v128Load, offset).set(vector);
        storeLanes(f, () => f.get(to), address + offset, vector, lanes);
      };
      const whole = width & ~3;
      const looped = width > WIDEST_UNROLLED ? whole : 0;
      if (looped > 0) {
        f.count(at, 0, looped, 4, () => {
          move(0, 4);
          for (const pointer of [from, to]) f.get(pointer).i32(16).op(OP.i32Add).set(pointer);
        });
      }
      for (let offset = looped; offset < whole; offset += 4) move(4 * (offset - looped), 4);
      if (whole < width) move(4 * (whole - looped), (width - whole) as Lanes);
    }
  });
  f.release(row, number, from, to, at, vector);
}
