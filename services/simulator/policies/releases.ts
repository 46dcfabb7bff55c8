import { DEFAULT_GATE } from "../../pipeline/gate.ts";
import type { ReleaseStyle } from "./policy.ts";

/** Every snapshot is deployed. */
export const ALL: ReleaseStyle = { by: "each", rejects: false };

/** An enforced gate with the defaults of pipeline files. */
export const GATED = {
  by: "gate",
  gate: { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" },
  sets: false,
  cotrains: false,
} as const satisfies ReleaseStyle;
