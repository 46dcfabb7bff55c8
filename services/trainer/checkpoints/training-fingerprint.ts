import { sha256 } from "../../common/files/digest.ts";
import type { TrainerData } from "../../data/visibility.ts";
import { moduleFingerprint } from "../../learning/programs/module-graph.ts";
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
  /** Of a user's model with all that it imports; null for a dense one. */
  readonly module: string | null;
  /** Version of Uncouple; absent in what an earlier version stored, where it counts as unchanged. */
  readonly codeVersion?: string;
}

const NAMES: Readonly<Record<Exclude<keyof TrainingFingerprint, "codeVersion">, string>> = {
  rows: "the training rows",
  audit: "the audited rows",
  components: "the component or what it reads",
  module: "the model's module or what it imports",
};

/** @throws UncoupleError `invalid-argument` for a module that cannot be read with all that it imports */
export async function trainingFingerprint(
  pipeline: Pipeline,
  team: TeamConfig,
  data: TrainerData,
  codeVersion: string,
): Promise<TrainingFingerprint> {
  const component = componentNamed(pipeline, team.component);
  const isConsumed = consumers(pipeline.components, component.name).length > 0;
  const components = [component, ...ancestors(pipeline.components, component.name), isConsumed];
  return {
    rows: data.training.fingerprint,
    audit: data.audit?.fingerprint ?? null,
    components: await sha256(Buffer.from(JSON.stringify(components))),
    module: team.model.kind === "module" ? await moduleFingerprint(team.model.path) : null,
    codeVersion,
  };
}

/** What has changed, for people: `the training rows and the audited rows`; undefined where nothing has. */
export function changesOf(before: TrainingFingerprint, now: TrainingFingerprint): string | undefined {
  const parts = Object.keys(NAMES) as (keyof typeof NAMES)[];
  const changed = parts.filter((part) => before[part] !== now[part]).map((part) => NAMES[part]);
  if (before.codeVersion !== undefined && before.codeVersion !== now.codeVersion) {
    changed.push(`Uncouple's version (${before.codeVersion}, now ${now.codeVersion})`);
  }
  return changed.length === 0 ? undefined : changed.join(" and ");
}
