import { dropBroadcasts } from "./broadcasts.ts";
import { shareCommonSubexpressions } from "./common-subexpressions.ts";
import { removeDeadNodes } from "./dead-nodes.ts";
import { foldConstants } from "./fold-constants.ts";
import { fuseGemmBias } from "./gemm-bias.ts";
import { untilStable } from "./pass.ts";
import { simplifyReluGradient } from "./relu-gradient.ts";
import { collapseReshapes } from "./reshape-chains.ts";

/** The passes that every compiled graph goes through. */
export const simplify = untilStable([
  removeDeadNodes,
  collapseReshapes,
  dropBroadcasts,
  foldConstants,
  shareCommonSubexpressions,
  simplifyReluGradient,
  fuseGemmBias,
  removeDeadNodes,
]);
