import { GOLDEN_GAMMA, MOST_WEIGHT, weightThresholds } from "../../common/random-weights.ts";
import type { FunctionBody, Local } from "../../common/wasm/function-body.ts";
import { ModuleBuilder } from "../../common/wasm/module-builder.ts";
import { LANE, MEMORY, OP } from "../../common/wasm/opcodes.ts";
import { compileModule, instantiate, type WasmMemory, type WasmModule } from "../../common/wasm/web-assembly.ts";

/** Units of which the weights in one resample make up a word of 64 bits, 4 bits each, the first in the lowest. */
export const UNITS_PER_WORD = 16;
export const WORD_BYTES = 8;
/** Numbers of a unit that are summed. */
export const TERMS = 4;
export const NUMBER_BYTES = 8;

const VECTOR_BYTES = 16;
const VECTORS = (TERMS * NUMBER_BYTES) / VECTOR_BYTES;
/** A unit's terms times one weight. A power of two, so that a weight becomes an address by a shift. */
const ROW_BITS = 5;
const ROW_BYTES = 1 << ROW_BITS;
/** A unit's terms times every weight. */
const UNIT_BYTES = (MOST_WEIGHT + 1) * ROW_BYTES;
/** Memory that `sum` uses, from address 0 on. */
export const TABLE_BYTES = UNITS_PER_WORD * UNIT_BYTES;

/** The inner loops of resampling, as WebAssembly. All numbers are addresses in `memory`, but for `state`. */
export interface PoissonKernels {
  readonly memory: WasmMemory;
  /**
   * Draws the weights of one resample as `drawWeights` does, and keeps those whose bits are set in a mask.
   *
   * @param state of the random bits @param words its first word; the others follow at a distance of `stride` bytes
   * @param masks of the words, one after another, up to `end`
   * @returns 0 if no weight is left, else 1
   */
  draw(state: number, words: number, stride: number, masks: number, end: number): number;
  /**
   * Adds to the sums of every resample the weighted terms of the units of one word, in the order of units.
   *
   * @param words of these units in all resamples, one after another, up to `end`
   * @param terms [16, 4]: of each unit; @param sums [resamples, 4]
   */
  sum(words: number, end: number, terms: number, sums: number): void;
}

let compiled: WasmModule | undefined;

/** An instance with a memory of its own, which can grow. */
export function createPoissonKernels(): PoissonKernels {
  compiled ??= compileModule(build());
  return instantiate(compiled) as unknown as PoissonKernels;
}

function build(): Uint8Array {
  const module = new ModuleBuilder();
  const parameters = ["i32", "i32", "i32", "i32"] as const;
  module.export("draw", module.function({ parameters: [...parameters, "i32"], results: ["i32"] }, emitDraw));
  module.export("sum", module.function({ parameters, results: [] }, emitSum));
  return module.encode(TABLE_BYTES, true);
}

/** Eight draws at once: the state of splitmix32 is a counter. */
function emitDraw(body: FunctionBody): void {
  const [state, words, stride, masks, end] = [0, 1, 2, 3, 4].map((index) => body.parameter(index)) as [
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const counter = body.local("v128");
  const bits = body.local("v128");
  const word = body.local("i64");
  const seen = body.local("i64");
  body
    .get(state)
    .op(OP.i32x4Splat)
    .i32x4(...[1, 2, 3, 4].map((step) => Math.imul(step, GOLDEN_GAMMA)));
  body.op(OP.i32x4Add).set(counter);
  body.repeat(() => {
    body.get(words);
    for (let half = 0; half < 2; half++) {
      emitMix(body, counter, bits);
      emitWeights(body, bits);
      body.get(counter).i32x4(Math.imul(4, GOLDEN_GAMMA)).op(OP.i32x4Add).set(counter);
    }
    // Sixteen bytes, then pairs of them in the lower byte of each 16 bits.
    body.op(OP.i8x16NarrowI16x8U).tee(bits);
    body.get(bits).i32(4).op(OP.i16x8ShrU, OP.v128Or).i32x4(0x00ff_00ff).op(OP.v128And).tee(bits);
    body.get(bits).op(OP.i8x16NarrowI16x8U).lane(LANE.i64x2ExtractLane, 0);
    body.get(masks).memory(MEMORY.i64Load, 0).op(OP.i64And).tee(word).memory(MEMORY.i64Store, 0);
    body.get(seen).get(word).op(OP.i64Or).set(seen);
    body.get(words).get(stride).op(OP.i32Add).set(words);
    body.get(masks).i32(WORD_BYTES).op(OP.i32Add).tee(masks).get(end).op(OP.i32LtU);
  });
  body.get(seen).i64(0n).op(OP.i64Ne);
}

/** As `next` of random-weights.ts, in four lanes. */
function emitMix(body: FunctionBody, counter: Local, bits: Local): void {
  const shifted = (from: Local, by: number) => body.get(from).get(from).i32(by).op(OP.i32x4ShrU, OP.v128Xor);
  shifted(counter, 16).i32x4(0x21f0aaad).op(OP.i32x4Mul).set(bits);
  shifted(bits, 15).i32x4(0x735a2d97).op(OP.i32x4Mul).set(bits);
  shifted(bits, 15).set(bits);
}

/** Leaves eight weights, of 16 bits each: how many thresholds each 16 bits reach. */
function emitWeights(body: FunctionBody, bits: Local): void {
  // Comparisons are of signed numbers.
  const signed = (value: number) => (value - 0x8000) & 0xffff;
  const all = (value: number) => body.i32x4(value | (value << 16));
  body.get(bits);
  all(0x8000).op(OP.v128Xor).set(bits);
  all(0);
  for (const threshold of weightThresholds()) {
    body.get(bits);
    all(signed(threshold - 1)).op(OP.i16x8GtS, OP.i16x8Sub);
  }
}

/** Products are looked up rather than computed, as there are nine weights and thousands of resamples. */
function emitSum(body: FunctionBody): void {
  const [words, end, terms, sums] = [0, 1, 2, 3].map((index) => body.parameter(index)) as [Local, Local, Local, Local];
  const held = Array.from({ length: VECTORS }, () => body.local("v128"));
  emitTable(body, terms, held);
  const half = body.local("i32");
  const row = body.local("i32");
  body.repeat(() => {
    held.forEach((sum, vector) => {
      body
        .get(sums)
        .memory(MEMORY.v128Load, vector * VECTOR_BYTES)
        .set(sum);
    });
    for (let unit = 0; unit < UNITS_PER_WORD; unit++) {
      if (unit % 8 === 0)
        body
          .get(words)
          .memory(MEMORY.i32Load, unit / 2)
          .set(half);
      // The weight times the bytes of a row.
      const shift = 4 * (unit % 8) - ROW_BITS;
      body.get(half).i32(Math.abs(shift));
      body
        .op(shift < 0 ? OP.i32Shl : OP.i32ShrU)
        .i32(0xf << ROW_BITS)
        .op(OP.i32And)
        .set(row);
      held.forEach((sum, vector) => {
        body
          .get(sum)
          .get(row)
          .memory(MEMORY.v128Load, unit * UNIT_BYTES + vector * VECTOR_BYTES);
        body.op(OP.f64x2Add).set(sum);
      });
    }
    held.forEach((sum, vector) => {
      body
        .get(sums)
        .get(sum)
        .memory(MEMORY.v128Store, vector * VECTOR_BYTES);
    });
    body.get(sums).i32(ROW_BYTES).op(OP.i32Add).set(sums);
    body.get(words).i32(WORD_BYTES).op(OP.i32Add).tee(words).get(end).op(OP.i32LtU);
  });
}

/** Writes the terms of each unit times each weight. */
function emitTable(body: FunctionBody, terms: Local, held: readonly Local[]): void {
  const weight = body.local("v128");
  const row = body.local("i32");
  const last = body.local("i32");
  body.i32(0).set(row);
  body.repeat(() => {
    held.forEach((values, vector) => {
      body
        .get(terms)
        .memory(MEMORY.v128Load, vector * VECTOR_BYTES)
        .set(values);
    });
    body.f64(0).op(OP.f64x2Splat).set(weight);
    body.get(row).i32(UNIT_BYTES).op(OP.i32Add).set(last);
    body.repeat(() => {
      held.forEach((values, vector) => {
        body
          .get(row)
          .get(weight)
          .get(values)
          .op(OP.f64x2Mul)
          .memory(MEMORY.v128Store, vector * VECTOR_BYTES);
      });
      body.get(weight).f64(1).op(OP.f64x2Splat, OP.f64x2Add).set(weight);
      body.get(row).i32(ROW_BYTES).op(OP.i32Add).tee(row).get(last).op(OP.i32LtU);
    });
    body.get(terms).i32(ROW_BYTES).op(OP.i32Add).set(terms);
    body.get(row).i32(TABLE_BYTES).op(OP.i32LtU);
  });
}
