import type { QuarantineReason } from "../../services/pipeline/verdict.ts";

/** A hostile or broken model, and what must come of it. */
export interface CorpusCase {
  readonly name: string;
  /** The reason for which it is quarantined. Where several limits end a model, whichever is met first. */
  readonly reason: QuarantineReason | readonly QuarantineReason[];
  /** Who finds out: `inspection`, before anything runs, or `host`, in which it is loaded and tried. */
  readonly found: "inspection" | "host";
  /** Made when it is needed: some are large. */
  bytes(): Uint8Array;
}

export function reasonsOf({ reason }: CorpusCase): readonly string[] {
  return typeof reason === "string" ? [reason] : reason;
}
