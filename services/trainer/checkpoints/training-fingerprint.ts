import { readFile } from "node:fs/promises";
import { sha256 } from "../../common/digest.ts";
import type { TrainerData } from "../../data/visibility.ts";
import { ancestors, componentNamed, consumers } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";

/**
 * All that a training is made from beside its team file and its pinned snapshots, as SHA-256 sums: a checkpoint means
 * something for as long as none of it changes.
 */
export interface TrainingFingerprint {
  readonly rows: string;
  /** null where the pipeline has no audit sample. */
  readonly audit: string | null;
  /** What the pipeline file says of the component, of its ancestors, and of whether anybody reads from it. */
  readonly components: string;
  /** Of the file of a user's model; null for a dense one. */
  readonly module: string | null;
}

const NAMES: Readonly<Record<keyof TrainingFingerprint, string>> = {
  rows: "the training rows",
  audit: "the audited rows",
  components: "the component or what it reads",
  module: "the model's module",
};

export async function trainingFingerprint(
  pipeline: Pipeline,
  team: TeamConfig,
  data: TrainerData,
): Promise<TrainingFingerprint> {
  const component = componentNamed(pipeline, team.component);
  const isConsumed = consumers(pipeline.components, component.name).length > 0;
  const components = [component, ...ancestors(pipeline.components, component.name), isConsumed];
  return {
    rows: data.training.fingerprint,
    audit: data.audit?.fingerprint ?? null,
    components: await sha256(Buffer.from(JSON.stringify(components))),
    // One that cannot be read is named when it is loaded.
    module: team.model.kind === "module" ? await readFile(team.model.path).then(sha256, () => "unreadable") : null,
  };
}

/** What has changed, for people: `the training rows and the model's module`; undefined where nothing has. */
export function changesOf(before: TrainingFingerprint, now: TrainingFingerprint): string | undefined {
  const changed = (Object.keys(NAMES) as (keyof TrainingFingerprint)[]).filter((part) => before[part] !== now[part]);
  return changed.length === 0 ? undefined : changed.map((part) => NAMES[part]).join(" and ");
}
