/**
 * What a step costs on each engine, in one thread, in nanoseconds for each unit of `StepWork`. Written by
 * `npm run bench:crossover -- --fit`, which measures both engines over a grid of programs.
 */
export const STEP_COSTS = {
  wasm: {
    rows: 1.49,
    operators: 0.223,
    elements: 0.0368,
    functions: 2.06,
    thin: 0.0334,
    narrow: 0.0367,
    wide: 0.0333,
  },
  "onnx:cpu": {
    rows: 8.2,
    operators: 272,
    elements: 0.112,
    functions: 1.38,
    thin: 0.0884,
    narrow: 0.00338,
    wide: 0.00653,
  },
} as const;
