import type { PipelineContent } from "./pipeline-content.ts";

/** One entry in the history of a pipeline's file: what was applied, when and by whom. The newest one is in force. */
export interface PipelineVersion {
  /** Version of the format. */
  readonly version: 1;
  readonly pipeline: string;
  /** SHA-256 of the content, lowercase hex. */
  readonly digest: string;
  /** The digest that was in force before; null if nothing was. */
  readonly previous: string | null;
  readonly content: PipelineContent;
  /** Who applied it, as free text. */
  readonly by: string;
  /** ISO 8601, by the clock of the process that applied it. */
  readonly at: string;
}
