import type { HeldOutGeneration } from "../../pipeline/generation.ts";

/** The generation of the held-out rows that a gate decides on. */
export interface GateGeneration {
  /** Finds it. Call it before anything else; waits while the rows are refused. */
  settle(signal: AbortSignal): Promise<void>;
  /** Undefined until `settle`. */
  current(): HeldOutGeneration | undefined;
  /** As `current`, for what happens only after `settle`. */
  settled(): HeldOutGeneration;
  /** @throws UncoupleError `failed-precondition` if another evaluator has started a later one */
  confirm(): Promise<HeldOutGeneration>;
}
