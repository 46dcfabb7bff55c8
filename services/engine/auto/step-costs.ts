/**
 * What a step costs on each engine, in one thread, in nanoseconds for each unit of `StepWork`. Written by
 * `npm run bench:crossover -- --fit`, which measures both engines over a grid of programs.
 */
export const STEP_COSTS = {
  wasm: {
    operators: 0,
    elements: 0.0946,
    functions: 2.78,
    rows: 3.5,
    thin: 0.245,
    narrow: 0.026,
    wide: 0.063,
  },
  "onnx:cpu": {
    operators: 303,
    elements: 0.101,
    functions: 1.38,
    rows: 12.5,
    thin: 0.0861,
    narrow: 0,
    wide: 0.00769,
  },
} as const;
