import type { Component } from "../pipeline.ts";

/** What a consumer relies on, where it says so. */
export interface EdgeExpectation {
  readonly component: string;
  readonly width?: number | undefined;
  readonly meaning?: string | undefined;
}

/** Of every component in the file, a malformed one too. */
export interface DraftEdges {
  readonly name: string;
  readonly upstream: readonly string[];
}

/** A component as written, with what it expects of each of its upstream. */
export interface ComponentDraft extends Component {
  readonly edges: readonly EdgeExpectation[];
}
