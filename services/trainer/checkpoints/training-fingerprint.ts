import { sha256 } from "../../common/files/digest.ts";
import type { TrainerData } from "../../data/visibility.ts";
import { ancestors, componentNamed, consumers } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";

/**
 * Everything that determines a training, apart from its team file, as SHA-256 hashes. A checkpoint is valid as long as none of
 * it changes.
 */
export interface TrainingFingerprint {
  readonly rows: string;
  /** null if the pipeline has no audit sample. */
  readonly audit: string | null;
  /** The component and its ancestors in the pipeline file, and whether the component has consumers. */
  readonly components: string;
  /** A user's model module with everything it imports; null for a dense model. */
  readonly module: string | null;
  /**
   * The models of the pinned snapshots: in a store that was restored from a backup, serials are given again. Counts as unchanged
   * where absent, as earlier versions did not store it.
   */
  readonly snapshots?: string;
  /** The Uncouple version; counts as unchanged where absent, as earlier versions did not store it. */
  readonly codeVersion?: string;
}

const NAMES: Readonly<Record<Exclude<keyof TrainingFingerprint, "snapshots" | "codeVersion">, string>> = {
  rows: "the training rows",
  audit: "the audited rows",
  components: "the component or its inputs",
  module: "the model module or its imports",
};

/**
 * @param snapshots the digests of the models of the pinned snapshots, by component
 * @throws UncoupleError `invalid-argument` for a module that cannot be read with all its imports
 */
export async function trainingFingerprint(
  pipeline: Pipeline,
  team: TeamConfig,
  data: TrainerData,
  snapshots: Readonly<Record<string, string>>,
  codeVersion: string,
): Promise<TrainingFingerprint> {
  const component = componentNamed(pipeline, team.component);
  const isConsumed = consumers(pipeline.components, component.name).length > 0;
  // The fingerprint of the rows says which they are, wherever a view of them is.
  const contracts = [component, ...ancestors(pipeline.components, component.name)].map(
    ({ data: _view, ...contract }) => contract,
  );
  const components = [...contracts, isConsumed];
  return {
    rows: data.training.fingerprint,
    audit: data.audit?.fingerprint ?? null,
    components: await sha256(Buffer.from(JSON.stringify(components))),
    module: team.model.kind === "module" ? await fingerprintOf(team.model.path) : null,
    snapshots: await sha256(
      Buffer.from(JSON.stringify(Object.entries(snapshots).sort(([a], [b]) => (a < b ? -1 : 1)))),
    ),
    codeVersion,
  };
}

/** Describes what has changed: `the training rows and the audited rows`; undefined if nothing has. */
export function changesOf(before: TrainingFingerprint, now: TrainingFingerprint): string | undefined {
  const parts = Object.keys(NAMES) as (keyof typeof NAMES)[];
  const changed = parts.filter((part) => before[part] !== now[part]).map((part) => NAMES[part]);
  if (before.snapshots !== undefined && before.snapshots !== now.snapshots) changed.push("the snapshots to train on");
  if (before.codeVersion !== undefined && before.codeVersion !== now.codeVersion) {
    changed.push(`the Uncouple version (${before.codeVersion}, now ${now.codeVersion})`);
  }
  return changed.length === 0 ? undefined : changed.join(" and ");
}

/** Most trainers have no modules, and need no bundler in memory. */
async function fingerprintOf(path: string): Promise<string> {
  const { moduleFingerprint } = await import("../../learning/programs/module-graph.ts");
  return moduleFingerprint(path);
}
