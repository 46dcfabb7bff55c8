import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Batch, Experiment, Metric, MlflowClient, MlflowRun, RunStatus, Tags } from "./mlflow-client.ts";
import { formatMlmodel, MODEL_FILE, MODEL_FOLDER } from "./mlmodel-file.ts";

/** The tag that says which run of Uncouple a run at the server is. */
export const RUN_TAG = "uncouple.run";

/** What a run at the server begins with. */
export interface TrackedRun {
  /** `Run.id`. */
  readonly id: string;
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly tags: Tags;
  readonly params: Tags;
}

export interface TrackedModel {
  readonly manifest: SnapshotManifest;
  readonly bytes: Uint8Array;
}

export interface TrackedEnd extends Batch {
  readonly status: RunStatus;
  readonly endedAt: number;
  /** Reads the model, if the run has published one; undefined if it was deleted since. */
  readonly model?: (signal: AbortSignal) => Promise<TrackedModel | undefined>;
}

/**
 * The runs of one experiment. A run is looked up by its tag before it is created, so that a run that was interrupted, or a
 * request whose answer was lost, has one run at the server. Throws as `MlflowRequests`; repeating a call is safe.
 */
export interface RunLog {
  /** Creates the run unless the server has it. */
  begin(run: TrackedRun, signal: AbortSignal): Promise<void>;
  /** Logs metrics, without the steps that the server has already: a resumed training repeats steps. */
  log(run: TrackedRun, metrics: readonly Metric[], signal: AbortSignal): Promise<void>;
  /** Logs the rest, uploads the model and sets the status. */
  end(run: TrackedRun, end: TrackedEnd, signal: AbortSignal): Promise<void>;
  /** The ids (`TrackedRun.id`) of a component's runs that the server takes for running. @param component has no quotes */
  unended(component: string, signal: AbortSignal): Promise<readonly string[]>;
}

export interface RunLogDeps {
  /** Name of the experiment. */
  readonly experiment: string;
  readonly client: MlflowClient;
  /** Called with a sentence if models cannot be uploaded, once. */
  readonly warn: (message: string) => void;
}

/** Finds the run at the server of a run of Uncouple. @param id has no quotes */
export async function findRun(
  client: MlflowClient,
  experiment: Experiment,
  id: string,
  signal: AbortSignal,
): Promise<MlflowRun | undefined> {
  const [oldest] = await client.searchRuns(experiment.id, `tags.\`${RUN_TAG}\` = '${id}'`, signal);
  return oldest;
}

export function createRunLog({ experiment: name, client, warn }: RunLogDeps): RunLog {
  /** What the server has of runs that have not ended, by `TrackedRun.id`. */
  const known = new Map<string, { readonly run: MlflowRun; step: number }>();
  let experiment: Experiment | undefined;
  let warned = false;

  async function experimentOf(signal: AbortSignal): Promise<Experiment> {
    experiment ??= await client.experiment(name, signal);
    return experiment;
  }

  async function ensure(tracked: TrackedRun, signal: AbortSignal) {
    const before = known.get(tracked.id);
    if (before !== undefined) return before;
    const { id } = await experimentOf(signal);
    const found = await findRun(client, { id, tags: {} }, tracked.id, signal);
    const tags = { ...tracked.tags, [RUN_TAG]: tracked.id };
    const run = found ?? (await client.createRun(id, { ...tracked, tags }, signal));
    await client.log(run.id, { params: tracked.params }, signal);
    const entry = { run, step: Math.max(-1, ...Object.values(run.steps)) };
    known.set(tracked.id, entry);
    return entry;
  }

  async function log(tracked: TrackedRun, metrics: readonly Metric[], signal: AbortSignal): Promise<MlflowRun> {
    const entry = await ensure(tracked, signal);
    const fresh = metrics.filter(({ step }) => step > entry.step);
    await client.log(entry.run.id, { metrics: fresh }, signal);
    entry.step = Math.max(entry.step, ...fresh.map(({ step }) => step));
    return entry.run;
  }

  async function upload(run: MlflowRun, model: TrackedEnd["model"], signal: AbortSignal): Promise<void> {
    if (run.artifacts === undefined) {
      if (!warned) {
        warn("tracking: the MLflow server does not take in artifacts (--no-serve-artifacts); models are not logged");
      }
      warned = true;
      return;
    }
    const read = await model?.(signal);
    if (read === undefined) return;
    const folder = `${run.artifacts}/${MODEL_FOLDER}`;
    const mlmodel = formatMlmodel(run.id, read.manifest);
    await client.putArtifact(`${folder}/${MODEL_FILE}`, read.bytes, signal);
    await client.putArtifact(`${folder}/requirements.txt`, Buffer.from("onnx\nonnxruntime\n"), signal);
    // Last: it says that the rest is there.
    await client.putArtifact(`${folder}/MLmodel`, Buffer.from(mlmodel), signal);
    await client.logModel(run.id, mlmodel, signal);
  }

  return {
    async begin(run, signal) {
      await ensure(run, signal);
    },
    async log(run, metrics, signal) {
      await log(run, metrics, signal);
    },
    async end(tracked, { status, endedAt, model, metrics = [], tags = {} }, signal) {
      const run = await log(tracked, metrics, signal);
      await client.log(run.id, { tags }, signal);
      if (model !== undefined) await upload(run, model, signal);
      await client.setStatus(run.id, status, endedAt, signal);
      known.delete(tracked.id);
    },
    async unended(component, signal) {
      const { id } = await experimentOf(signal);
      const filter = `attributes.status = 'RUNNING' and tags.\`uncouple.component\` = '${component}'`;
      const runs = await client.searchRuns(id, filter, signal);
      return runs.flatMap(({ tags }) => tags[RUN_TAG] ?? []);
    },
  };
}
