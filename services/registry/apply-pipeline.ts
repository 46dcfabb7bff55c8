import { UncoupleError } from "../common/errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { type ChangeClass, changesBetween, classOf, type PipelineChange } from "../pipeline/pipeline-changes.ts";
import { contentOf, digestOf } from "../pipeline/pipeline-content.ts";
import type { PipelineLog } from "./pipeline-log.ts";

/** What applying a pipeline file changes. */
export interface ApplyPlan {
  readonly pipeline: string;
  readonly digest: string;
  /** The digest in force before; null if nothing was. */
  readonly previous: string | null;
  /** null: nothing was in force, or nothing changes. */
  readonly class: ChangeClass | null;
  readonly changes: readonly PipelineChange[];
}

/** Compares a pipeline file with the one in force. @throws UncoupleError as `PipelineLog.current` */
export async function planApply(pipelines: PipelineLog, pipeline: Pipeline): Promise<ApplyPlan> {
  const content = contentOf(pipeline);
  const current = (await pipelines.current())?.value;
  const changes = current === undefined ? [] : changesBetween(current.content, content);
  return {
    pipeline: pipeline.name,
    digest: digestOf(content),
    previous: current?.digest ?? null,
    class: classOf(changes) ?? null,
    changes,
  };
}

export interface ApplyOptions {
  /** Whether a breaking change is intended. */
  readonly breaking: boolean;
  /** Who applies it. */
  readonly by: string;
}

/**
 * Puts a planned pipeline file in force, if the one that the plan was compared with still is. Applying what is already in
 * force changes nothing.
 *
 * @returns whether it differs from what was in force
 * @throws UncoupleError `failed-precondition` naming every breaking change, unless it is intended; `conflict` if another
 *   file was applied since the plan was made
 */
export async function applyPlan(
  pipelines: PipelineLog,
  pipeline: Pipeline,
  plan: ApplyPlan,
  { breaking, by }: ApplyOptions,
): Promise<boolean> {
  if (plan.digest === plan.previous) return false;
  if (plan.class === "breaking" && !breaking) {
    const broken = plan.changes.filter((change) => change.class === "breaking");
    throw new UncoupleError(
      "failed-precondition",
      `the pipeline file of ${plan.pipeline} has breaking changes and was not applied: ${broken.map(({ path, effect }) => `${path} (${effect})`).join("; ")}; use --breaking to apply them`,
    );
  }
  try {
    await pipelines.apply(contentOf(pipeline), plan.previous, by);
    return true;
  } catch (thrown) {
    // Another process may have applied the same file meanwhile, or this one without getting the answer.
    const current = await pipelines.current().catch(() => undefined);
    if (current?.value.digest === plan.digest) return true;
    throw thrown;
  }
}
