import { asUncoupleError } from "../common/errors.ts";
import { nextLink } from "../composition/next-link.ts";
import { originName } from "../pipeline/shared.ts";
import { type NamedContent, type SharedComponent, sharedIn } from "../pipeline/shared-components.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { SharedStatus } from "./release-status.ts";

type Store = Pick<Backplane, "pipelines" | "registry" | "neighbor">;

/** What holds a pipeline's components of other pipelines back, by the file in force and what their owners use now. */
export async function sharedStatus(pipeline: string, store: Store): Promise<ReadonlyMap<string, SharedStatus>> {
  const content = (await store.pipelines.current())?.value.content;
  if (content === undefined) return new Map();
  const using = { name: pipeline, content };
  const statuses = sharedIn(content).map(
    async (component) =>
      [
        component.name,
        { from: originName(component.from), notLinked: (await notLinked(component, using, store)) ?? null },
      ] as const,
  );
  return new Map(await Promise.all(statuses));
}

async function notLinked(
  component: SharedComponent,
  using: NamedContent,
  { registry, neighbor }: Store,
): Promise<string | undefined> {
  try {
    const owner = await neighbor(component.from.pipeline);
    const next = await nextLink(component, using, await registry.latest(component.name), owner);
    if ("unchanged" in next) return next.unchanged;
    return `no evaluator of ${using.name} has linked ${originName(next.origin)} yet`;
  } catch (thrown) {
    return asUncoupleError(thrown).message;
  }
}
