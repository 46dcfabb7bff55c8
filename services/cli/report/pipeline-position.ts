import { z } from "zod";
import type { PipelineContent } from "../../pipeline/pipeline-content.ts";

/** Where a component is in the pipeline file in force: what it is for. */
export interface PipelinePosition {
  /** Data columns that it reads. */
  readonly columns: readonly string[];
  /** Components that it reads, and that read it. */
  readonly upstream: readonly string[];
  readonly consumers: readonly string[];
  readonly target: string;
  readonly loss: string;
  /** Whether its loss counts in the pipeline loss. */
  readonly isObjective: boolean;
}

const componentSchema = z.looseObject({
  columns: z.array(z.string()),
  upstream: z.array(z.string()),
  target: z.string(),
  loss: z.string(),
});

const contentSchema = z.looseObject({
  components: z.record(z.string(), componentSchema),
  objective: z.union([z.string(), z.record(z.string(), z.number())]),
});

/** @returns null without the component, or for content of a version that cannot be read */
export function positionOf(content: PipelineContent | undefined, component: string): PipelinePosition | null {
  const { success, data } = contentSchema.safeParse(content);
  const own = success ? data.components[component] : undefined;
  if (data === undefined || own === undefined) return null;
  const { objective } = data;
  return {
    columns: own.columns,
    upstream: own.upstream,
    consumers: Object.entries(data.components)
      .filter(([, { upstream }]) => upstream.includes(component))
      .map(([name]) => name)
      .sort(),
    target: own.target,
    loss: own.loss,
    isObjective: typeof objective === "string" ? objective === component : Object.hasOwn(objective, component),
  };
}
