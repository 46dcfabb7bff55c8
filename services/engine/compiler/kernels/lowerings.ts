import { activationLowerings } from "./activations.ts";
import { elementwiseLowerings } from "./elementwise.ts";
import { indexingLowerings } from "./indexing.ts";
import type { Lowering } from "./lowering.ts";
import { matmulLowerings } from "./matmul.ts";
import { reductionLowerings } from "./reductions.ts";
import { shapeLowerings } from "./shape.ts";

/** Every tfjs kernel that can be compiled, by its name in tfjs. */
export const kernelLowerings: Readonly<Record<string, Lowering>> = {
  ...elementwiseLowerings,
  ...activationLowerings,
  ...reductionLowerings,
  ...matmulLowerings,
  ...shapeLowerings,
  ...indexingLowerings,
};
