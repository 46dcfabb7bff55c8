import { async } from "./async.ts";
import { blend } from "./blend.ts";
import { causal } from "./causal.ts";
import { causalProximal } from "./causal-proximal.ts";
import { gaussNewton } from "./gauss-newton.ts";
import { gradientPenalty } from "./gradient-penalty.ts";
import type { Method } from "./method.ts";
import { proximal } from "./proximal.ts";
import { sync } from "./sync.ts";

/** All methods of the benchmark, in the order of its page. */
export const wildMethods: readonly Method[] = [
  sync,
  async,
  proximal,
  gradientPenalty,
  gaussNewton,
  blend,
  ...causal,
  causalProximal,
];
