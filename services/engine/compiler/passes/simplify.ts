import { dropBroadcasts } from "./broadcasts.ts";
import { sumColumnsByProduct } from "./column-sums.ts";
import { shareCommonSubexpressions } from "./common-subexpressions.ts";
import { removeDeadNodes } from "./dead-nodes.ts";
import { foldConstants } from "./fold-constants.ts";
import { fuseGemmBias } from "./gemm-bias.ts";
import { flipNarrowProducts } from "./narrow-products.ts";
import { untilStable } from "./pass.ts";
import { readReluOutput } from "./relu-gradient.ts";
import { collapseReshapes } from "./reshape-chains.ts";
import { collectScalarFactors } from "./scalar-factors.ts";

/** The passes that every compiled graph goes through. */
export const simplify = untilStable([
  removeDeadNodes,
  collapseReshapes,
  dropBroadcasts,
  foldConstants,
  shareCommonSubexpressions,
  readReluOutput,
  fuseGemmBias,
  removeDeadNodes,
]);

/** `simplify`, and what pays when a graph of fixed shapes runs a million times: other operators for the same result. */
export const optimize = untilStable([simplify, sumColumnsByProduct, flipNarrowProducts, collectScalarFactors]);

/** As `optimize`, without what only ONNX Runtime's operators gain from. */
export const optimizeForWasm = untilStable([simplify, collectScalarFactors]);
