import type { ReleaseStyle } from "./policy.ts";

/** Every snapshot is deployed. */
export const ALL: ReleaseStyle = { by: "each", rejects: false };

/** The gate of the scenario. */
export const GATED = {
  by: "gate",
  changes: {},
  sets: false,
  cotrains: false,
} as const satisfies ReleaseStyle;
