import { Bytes } from "./bytes.ts";
import { type LANE, type LANE_MEMORY, type MEMORY, type OP, RAW, TYPE, type ValueType } from "./opcodes.ts";

type CodeOf<T> = T[keyof T];

/** A local variable of a function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** The instructions of one function, appended in order. Every method appends and returns the body, so that calls chain. */
export class FunctionBody {
  private readonly code = new Bytes();
  private readonly parameters: number;
  private readonly locals: ValueType[];
  /** Locals that nobody uses any more, by type. */
  private readonly free: Local[] = [];

  constructor(parameters: readonly ValueType[]) {
    this.parameters = parameters.length;
    this.locals = [...parameters];
  }

  parameter(index: number): Local {
    return { index, type: this.locals[index] as ValueType };
  }

  /** A local whose value is undefined until it is set. */
  local(type: ValueType): Local {
    const at = this.free.findIndex((local) => local.type === type);
    if (at >= 0) return this.free.splice(at, 1)[0] as Local;
    this.locals.push(type);
    return { index: this.locals.length - 1, type };
  }

  /** Makes locals available to later calls of `local`. */
  release(...locals: readonly Local[]): this {
    this.free.push(...locals);
    return this;
  }

  op(...codes: readonly CodeOf<typeof OP>[]): this {
    for (const code of codes) this.opcode(code);
    return this;
  }

  get(local: Local): this {
    return this.indexed(RAW.localGet, local.index);
  }

  set(local: Local): this {
    return this.indexed(RAW.localSet, local.index);
  }

  tee(local: Local): this {
    return this.indexed(RAW.localTee, local.index);
  }

  globalGet(index: number): this {
    return this.indexed(RAW.globalGet, index);
  }

  globalSet(index: number): this {
    return this.indexed(RAW.globalSet, index);
  }

  i32(value: number): this {
    this.opcode(RAW.i32Const);
    this.code.signed32(value);
    return this;
  }

  i64(value: bigint): this {
    this.opcode(RAW.i64Const);
    this.code.signed64(BigInt.asIntN(64, value));
    return this;
  }

  f32(value: number): this {
    this.opcode(RAW.f32Const);
    this.code.float32(value);
    return this;
  }

  f64(value: number): this {
    this.opcode(RAW.f64Const);
    this.code.float64(value);
    return this;
  }

  /** The same float32 in every lane. */
  f32x4(value: number): this {
    this.opcode(RAW.v128Const);
    for (let lane = 0; lane < 4; lane++) this.code.float32(value);
    return this;
  }

  /** Four integers, or the same one in every lane. */
  i32x4(...values: readonly number[]): this {
    this.opcode(RAW.v128Const);
    this.code.raw(
      new Uint8Array(Int32Array.from({ length: 4 }, (_, lane) => values[lane] ?? (values[0] as number)).buffer),
    );
    return this;
  }

  /** Lanes of two vectors: 0 to 3 are the first's, 4 to 7 the second's. */
  shuffle(lanes: readonly [number, number, number, number]): this {
    this.opcode(RAW.i8x16Shuffle);
    for (const lane of lanes) for (let byte = 0; byte < 4; byte++) this.code.byte(lane * 4 + byte);
    return this;
  }

  lane(code: CodeOf<typeof LANE>, lane: number): this {
    this.opcode(code);
    this.code.byte(lane);
    return this;
  }

  /** A load or a store. @param offset in bytes, from 0 to 2^32 - 1 */
  memory(code: CodeOf<typeof MEMORY>, offset: number): this {
    this.opcode(code);
    // Natural alignment is a hint; 4 bytes are what every address here has.
    this.code.unsigned(2);
    this.code.unsigned(offset);
    return this;
  }

  laneMemory(code: CodeOf<typeof LANE_MEMORY>, offset: number, lane: number): this {
    this.opcode(code);
    this.code.unsigned(2);
    this.code.unsigned(offset);
    this.code.byte(lane);
    return this;
  }

  /** Copies bytes: destination, source and length are on the stack. */
  memoryCopy(): this {
    this.opcode(RAW.memoryCopy);
    this.code.byte(0);
    this.code.byte(0);
    return this;
  }

  /** Fills bytes: destination, byte and length are on the stack. */
  memoryFill(): this {
    this.opcode(RAW.memoryFill);
    this.code.byte(0);
    return this;
  }

  call(functionIndex: number): this {
    return this.indexed(RAW.call, functionIndex);
  }

  /** Runs `body` while the condition that it leaves on the stack is not zero. */
  repeat(body: () => void): this {
    this.opcode(RAW.loop);
    this.code.byte(EMPTY_BLOCK);
    body();
    this.indexed(RAW.brIf, 0);
    this.opcode(RAW.end);
    return this;
  }

  /** Runs `body` for counter = from, from + step, ... below `to`; at least once. */
  count(counter: Local, from: number, to: number, step: number, body: () => void): this {
    this.i32(from).set(counter);
    if (from + step >= to) {
      body();
      return this;
    }
    return this.repeat(() => {
      body();
      this.get(counter).i32(step);
      this.indexed(I32_ADD, undefined).tee(counter).i32(to);
      this.indexed(I32_LT_U, undefined);
    });
  }

  /** Runs `then` if the i32 on the stack is not zero, otherwise `otherwise`. */
  if(then: () => void, otherwise?: () => void, result?: ValueType): this {
    this.opcode(RAW.if);
    this.code.byte(result === undefined ? EMPTY_BLOCK : TYPE[result]);
    then();
    if (otherwise !== undefined) {
      this.opcode(RAW.else);
      otherwise();
    }
    this.opcode(RAW.end);
    return this;
  }

  /** The function as the code section holds it. */
  encode(): Bytes {
    const body = new Bytes();
    const declared = this.locals.slice(this.parameters);
    body.unsigned(declared.length);
    for (const type of declared) {
      body.unsigned(1);
      body.byte(TYPE[type]);
    }
    body.raw(this.code.view());
    body.byte(RAW.end);
    return body;
  }

  private indexed(code: number, index: number | undefined): this {
    this.opcode(code);
    if (index !== undefined) this.code.unsigned(index);
    return this;
  }

  private opcode(code: number): void {
    if (code > 0xff_ffff || code < 0) throw new RangeError(`no opcode: ${code}`);
    if (code <= 0xff) {
      this.code.byte(code);
      return;
    }
    this.code.byte(code >> 16);
    this.code.unsigned(code & 0xffff);
  }
}

const EMPTY_BLOCK = 0x40;
const I32_ADD = 0x6a;
const I32_LT_U = 0x49;
