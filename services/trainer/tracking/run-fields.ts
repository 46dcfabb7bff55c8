import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import type { TrialId } from "../../pipeline/study.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { RunStatus, Tags } from "../../tracking/mlflow-client.ts";

/** The settings of a team file as parameters: `optimizer.learningRate`, ... Lists are JSON. */
export function parametersOf({ component: _, ...team }: TeamConfig): Tags {
  return parametersIn(team);
}

/** The leaves of an object by their paths. Lists are JSON. */
export function parametersIn(value: object): Tags {
  return Object.fromEntries(flatten("", value));
}

function flatten(prefix: string, value: object): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = `${prefix}${key}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) return flatten(`${name}.`, inner);
    return inner === undefined ? [] : [[name, typeof inner === "string" ? inner : JSON.stringify(inner)] as const];
  });
}

/** What a run is known by from its beginning. */
export function tagsOf(
  {
    pipeline,
    component,
    codeVersion,
  }: { readonly pipeline: string; readonly component: string; readonly codeVersion: string },
  run: Run,
  tuning: TrialId | undefined,
): Tags {
  return {
    "mlflow.source.name": "uncouple",
    "uncouple.pipeline": pipeline,
    "uncouple.component": component,
    "uncouple.trigger": run.trigger,
    "uncouple.code_version": codeVersion,
    ...(tuning !== undefined && { "uncouple.study": tuning.study, "uncouple.trial": String(tuning.trial) }),
  };
}

const STATUSES = { succeeded: "FINISHED", failed: "FAILED", cancelled: "KILLED" } as const;

/** How a run ended. @param manifest of its snapshot, if it has published one */
export function endOf(
  { state, error }: Run,
  manifest: SnapshotManifest | undefined,
): { readonly status: RunStatus; readonly tags: Tags } {
  const status = state === "succeeded" || state === "cancelled" ? STATUSES[state] : STATUSES.failed;
  const failure = error === null ? {} : { "uncouple.error": `${error.code}: ${error.message}` };
  return { status, tags: manifest === undefined ? failure : snapshotTags(manifest) };
}

function snapshotTags(manifest: SnapshotManifest): Tags {
  const { upstream = {}, data, engine, counterfactual } = manifest.provenance;
  const pinned = Object.entries(upstream).map(([component, serial]) => snapshotName({ component, serial }));
  return {
    "uncouple.snapshot": snapshotName(manifest),
    "uncouple.serial": String(manifest.serial),
    "uncouple.digest": manifest.digest,
    "uncouple.upstream": pinned.join(", "),
    ...(manifest.pipelineDigest !== null && { "uncouple.pipeline_digest": manifest.pipelineDigest }),
    ...(data !== undefined && {
      "uncouple.data_fingerprint": data.fingerprint,
      "uncouple.data_rows": String(data.rows),
    }),
    ...(engine !== undefined && { "uncouple.engine": engine }),
    ...(counterfactual !== undefined && { "uncouple.counterfactual": counterfactual }),
  };
}
