import type { PipelineView } from "../composition/pipeline-view.ts";
import type { Component } from "../pipeline/pipeline.ts";

/** The number of snapshots that each upstream has published since the one the newest own snapshot was trained on. */
export function upstreamLag(
  component: Component,
  view: Pick<PipelineView, "newest">,
): Readonly<Record<string, number>> {
  const own = view.newest(component.name);
  const lags = component.upstream.map((name) => {
    const lag = (view.newest(name)?.serial ?? 0) - (own?.provenance.upstream?.[name] ?? 0);
    return [name, Math.max(0, lag)] as const;
  });
  return Object.fromEntries(lags);
}
