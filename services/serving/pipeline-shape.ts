import { z } from "zod";
import { topologicalOrder } from "../pipeline/dag.ts";
import type { PipelineContent } from "../pipeline/pipeline-content.ts";

/** Which component reads which: what it takes to compose models. */
export interface PipelineShape {
  readonly name: string;
  /** Every component comes after those that it reads. */
  readonly components: readonly ComponentShape[];
}

export interface ComponentShape {
  readonly name: string;
  /** The components whose outputs it reads. */
  readonly upstream: readonly string[];
  /** The name of its output; no other component's output has it. */
  readonly output: string;
}

const schema = z.looseObject({
  name: z.string(),
  components: z.record(
    z.string(),
    z.looseObject({ upstream: z.array(z.string()), output: z.looseObject({ name: z.string() }) }),
  ),
});

/** The shape of an applied pipeline file; undefined if this version cannot read it. */
export function pipelineShape(content: PipelineContent): PipelineShape | undefined {
  const parsed = schema.safeParse(content).data;
  if (parsed === undefined) return undefined;
  const components = Object.entries(parsed.components).map(([name, { upstream, output }]) => ({
    name,
    upstream,
    output: output.name,
  }));
  try {
    return { name: parsed.name, components: topologicalOrder(components) };
  } catch {
    return undefined;
  }
}
