import { yieldToEventLoop } from "../../common/async/yield.ts";
import { compileModule, instantiate, type WasmMemory, type WasmModule } from "../../common/wasm/web-assembly.ts";
import { size } from "../compiler/graph/ir.ts";
import { BLOCK_ROWS, type RowProgram, widthOf } from "../compiler/row-program.ts";
import { compileRows, rowProgramKey, type WasmRows } from "../compiler/wasm/compile-rows.ts";

/** Multiplications and rows between yields to the event loop: a few milliseconds. */
const WORK_PER_TURN = 2e7;
const ROWS_PER_TURN = 4096;
const MODULES_KEPT = 32;

interface Exports {
  readonly memory: WasmMemory;
  run(): void;
}

interface CompiledRows {
  readonly rows: WasmRows;
  readonly module: WasmModule;
}

/** What programs compile to depends on nothing else, so it is remembered for the process; the least recently used go first. */
const compiled = new Map<string, CompiledRows>();

function compile(program: RowProgram): CompiledRows {
  const key = rowProgramKey(program);
  let found = compiled.get(key);
  if (found === undefined) {
    const rows = compileRows(program);
    found = { rows, module: compileModule(rows.bytes) };
  }
  compiled.delete(key);
  compiled.set(key, found);
  const [oldest] = compiled.keys();
  if (compiled.size > MODULES_KEPT && oldest !== undefined) compiled.delete(oldest);
  return found;
}

/**
 * A trained network as a function of rows. Its bits are the same on every processor, and those of a row do not depend on
 * the rows around it.
 */
export class RowFunction {
  private readonly program: RowProgram;
  private readonly rows: WasmRows;
  private readonly exports: Exports;
  private readonly rowsPerTurn: number;

  /** @throws UnsupportedOperator if the program holds an operator that is not generated */
  constructor(program: RowProgram) {
    const { rows, module } = compile(program);
    this.program = program;
    this.rows = rows;
    this.exports = instantiate(module) as unknown as Exports;
    const work = program.parameters.reduce((sum, { values }) => sum + values.length, 1);
    this.rowsPerTurn = BLOCK_ROWS * Math.ceil(Math.min(ROWS_PER_TURN, WORK_PER_TURN / work) / BLOCK_ROWS);
    program.parameters.forEach(({ value, values }, index) => {
      this.floats(rows.parameters[index] as number, size(value.shape)).set(values);
    });
  }

  /**
   * Yields to the event loop every few milliseconds. Calls may overlap.
   *
   * @param count rows
   * @param fill writes an input for the rows `from` to `to` (exclusive), [to - from, width]; inputs are counted in the
   *   program's order
   * @param onTurn called at each yield
   * @returns [count * width of the output]
   */
  async evaluate(
    count: number,
    fill: (input: number, from: number, to: number, block: Float32Array) => void,
    onTurn?: () => void,
  ): Promise<Float32Array> {
    const { inputs, output } = this.program;
    const width = output.value.shape[1] as number;
    const result = new Float32Array(count * width);
    for (let from = 0; from < count; ) {
      const end = Math.min(count, from + this.rowsPerTurn);
      for (; from < end; from += BLOCK_ROWS) {
        const to = Math.min(count, from + BLOCK_ROWS);
        inputs.forEach(({ of }, index) => {
          fill(index, from, to, this.floats(this.rows.inputs[index] as number, (to - from) * widthOf(of)));
        });
        this.exports.run();
        result.set(this.floats(this.rows.output, (to - from) * width), from * width);
      }
      onTurn?.();
      await yieldToEventLoop();
    }
    return result;
  }

  private floats(address: number, length: number): Float32Array {
    return new Float32Array(this.exports.memory.buffer, address, length);
  }
}
