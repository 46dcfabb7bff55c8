import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { contentOf, type PipelineContent } from "../pipeline/pipeline-content.ts";
import { originName } from "../pipeline/shared.ts";
import { disagreement, findSharedCycle, ownersIn, sharedComponents } from "../pipeline/shared-components.ts";
import type { OpenNeighbor } from "./linked-model.ts";

/**
 * Reads the pipeline files in force of the pipelines that a file uses components of, of those that these use, and so on.
 * @returns by the name of the pipeline, with the given file; without pipelines that the store does not have, or that have
 *   applied no file
 */
export async function readSharedFiles(
  pipeline: Pipeline,
  neighbor: OpenNeighbor,
): Promise<ReadonlyMap<string, PipelineContent>> {
  const files = new Map([[pipeline.name, contentOf(pipeline)]]);
  const seen = new Set(files.keys());
  // A map yields what is added while it is iterated.
  for (const content of files.values()) {
    for (const owner of ownersIn(content)) {
      if (seen.has(owner)) continue;
      seen.add(owner);
      const applied = await appliedBy(owner, neighbor);
      if (applied !== undefined) files.set(owner, applied);
    }
  }
  return files;
}

/** The pipeline file in force; undefined if the store does not have the pipeline, or it has applied none. */
async function appliedBy(pipeline: string, neighbor: OpenNeighbor): Promise<PipelineContent | undefined> {
  try {
    return (await (await neighbor(pipeline)).pipelines.current())?.value.content;
  } catch (thrown) {
    if (asUncoupleError(thrown).code !== "not-found") throw thrown;
    return undefined;
  }
}

/**
 * Refuses a pipeline whose components depend on themselves through other pipelines. What other pipelines have not applied yet
 * is not known; they are refused when they apply it.
 * @throws UncoupleError `failed-precondition` naming the cycle
 */
export async function refuseSharedCycles(pipeline: Pipeline, neighbor: OpenNeighbor): Promise<void> {
  if (sharedComponents(pipeline).length === 0) return;
  refuseCycle(await readSharedFiles(pipeline, neighbor));
}

/**
 * Refuses a pipeline file that cannot work with the files in force of the pipelines that it uses components of.
 * @throws UncoupleError `failed-precondition` naming every component that does not agree with its owner, or a cycle
 */
export async function checkSharing(pipeline: Pipeline, neighbor: OpenNeighbor): Promise<void> {
  const shared = sharedComponents(pipeline);
  if (shared.length === 0) return;
  const files = await readSharedFiles(pipeline, neighbor);
  refuseCycle(files);
  const using = { name: pipeline.name, content: contentOf(pipeline) };
  const wrong = shared.flatMap((component) => {
    const why = disagreement(component, using, files.get(component.from.pipeline));
    return why === undefined ? [] : [`${component.name} (from ${originName(component.from)}): ${why}`];
  });
  if (wrong.length === 0) return;
  throw new UncoupleError(
    "failed-precondition",
    `${wrong.join("; ")}. \`uncouple pipeline lock\` gets the contracts as they are now`,
  );
}

function refuseCycle(files: ReadonlyMap<string, PipelineContent>): void {
  const cycle = findSharedCycle(files);
  if (cycle === undefined) return;
  throw new UncoupleError(
    "failed-precondition",
    `components depend on themselves through other pipelines: ${cycle.join(" <- ")}`,
  );
}
