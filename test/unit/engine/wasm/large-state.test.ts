import { expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { eachPiece } from "../../../../services/engine/wasm/pieces.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { adam, denseProgram, numbers } from "../../../helpers/dense-program.ts";

test("a state of several megabytes, which is handed over in parts, comes back as it was restored", async () => {
  const program = denseProgram({ widths: [700, 900, 1], batch: 1, optimizer: adam });
  const data = { x: numbers(700, 1), y: numbers(1, 2) };
  const session = await createWasmEngine({ clock: systemClock }).prepare(program, data, 1);
  try {
    const initial = await session.state();
    const changed = Object.fromEntries(
      Object.entries(initial).map(([name, { shape, values }], index) => [
        name,
        // The optimizer's counters keep their values.
        { shape, values: shape.length === 0 ? values : numbers(values.length, index + 1) },
      ]),
    );
    await session.restore(changed);
    const restored = await session.state();
    expect(Object.keys(restored)).toEqual(Object.keys(changed));
    for (const [name, { values }] of Object.entries(changed)) {
      // Much faster than an expectation about a million values.
      expect(restored[name]?.values.every((value, index) => Object.is(value, values[index]))).toBe(true);
    }
  } finally {
    await session.dispose();
  }
});

test("a range of values over several arrays is visited piece by piece", () => {
  const pieces = (from: number, count: number) => {
    const visited: number[][] = [];
    eachPiece([3, 0, 4, 2], from, count, (...piece) => visited.push(piece));
    return visited;
  };
  expect(pieces(0, 9)).toEqual([
    [0, 0, 0, 3],
    [2, 0, 3, 4],
    [3, 0, 7, 2],
  ]);
  expect(pieces(2, 3)).toEqual([
    [0, 2, 0, 1],
    [2, 0, 1, 2],
  ]);
  expect(pieces(4, 2)).toEqual([[2, 1, 0, 2]]);
  expect(pieces(9, 0)).toEqual([]);
});
