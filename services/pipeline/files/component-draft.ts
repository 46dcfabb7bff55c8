import type { Component } from "../pipeline.ts";

/** An upstream of a component, with the width and meaning that the component declares to expect, if any. */
export interface EdgeExpectation {
  readonly component: string;
  readonly width?: number | undefined;
  readonly meaning?: string | undefined;
}

/** The edges of any component in the file, even a malformed one. */
export interface DraftEdges {
  readonly name: string;
  readonly upstream: readonly string[];
}

/** A component as written, with its expectations of each upstream. */
export interface ComponentDraft extends Component {
  readonly edges: readonly EdgeExpectation[];
}
