import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Batch, Experiment, MlflowClient, MlflowRun, RunStatus, Tags } from "./mlflow-client.ts";
import { formatMlmodel, MODEL_FILE, MODEL_FOLDER } from "./mlmodel-file.ts";

/** The tag that says which run of Uncouple a run at the server is. */
export const RUN_TAG = "uncouple.run";

/** What a run at the server begins with. */
export interface TrackedRun {
  /** `Run.id`, or that of a study or trial. */
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
  /** Creates the run unless the server has it, where it runs from now on. @returns its id at the server */
  begin(run: TrackedRun, signal: AbortSignal): Promise<string>;
  /** Logs what is new; metrics without the steps that the server has already: a resumed training repeats steps. */
  log(run: TrackedRun, batch: Batch, signal: AbortSignal): Promise<void>;
  /** Says that a run that the server has waits to go on. */
  hold(run: TrackedRun, signal: AbortSignal): Promise<void>;
  /** Logs the rest, uploads the model and sets the status. */
  end(run: TrackedRun, end: TrackedEnd, signal: AbortSignal): Promise<void>;
  /** The ids (`TrackedRun.id`) of a component's runs that the server takes for running. @param component has no quotes */
  unended(component: string, signal: AbortSignal): Promise<readonly string[]>;
  /** The statuses of the runs that the server has with a tag, by `TrackedRun.id`. @param value has no quotes */
  statuses(tag: string, value: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

export interface RunLogDeps {
  /** Name of the experiment. */
  readonly experiment: string;
  readonly client: MlflowClient;
  /** Called with a sentence if models cannot be uploaded, once. */
  readonly warn: (message: string) => void;
}

interface Known {
  readonly run: MlflowRun;
  /** Metric to the largest step that the server has of it. */
  readonly steps: Map<string, number>;
}

/** Finds the run at the server of a run of Uncouple. @param experiment its id @param id has no quotes */
export async function findRun(
  client: MlflowClient,
  experiment: string,
  id: string,
  signal: AbortSignal,
): Promise<MlflowRun | undefined> {
  const [oldest] = await client.searchRuns(experiment, `tags.\`${RUN_TAG}\` = '${id}'`, signal);
  return oldest;
}

export function createRunLog({ experiment: name, client, warn }: RunLogDeps): RunLog {
  /** What the server has of runs that have not ended, by `TrackedRun.id`. */
  const known = new Map<string, Known>();
  let experiment: Experiment | undefined;
  let warned = false;

  async function experimentOf(signal: AbortSignal): Promise<Experiment> {
    experiment ??= await client.experiment(name, signal);
    return experiment;
  }

  async function ensure(tracked: TrackedRun, signal: AbortSignal): Promise<Known> {
    const before = known.get(tracked.id);
    if (before !== undefined) return before;
    const { id } = await experimentOf(signal);
    const found = await findRun(client, id, tracked.id, signal);
    const tags = { ...tracked.tags, [RUN_TAG]: tracked.id };
    const run = found ?? (await client.createRun(id, { ...tracked, tags }, signal));
    await client.log(run.id, { params: tracked.params }, signal);
    const entry = { run, steps: new Map(Object.entries(run.steps)) };
    known.set(tracked.id, entry);
    return entry;
  }

  /** Does something with a run. What a failed request has changed is not known: the run is looked up again. */
  async function withRun<T>(tracked: TrackedRun, signal: AbortSignal, work: (run: Known) => Promise<T>): Promise<T> {
    const entry = await ensure(tracked, signal);
    try {
      return await work(entry);
    } catch (thrown) {
      known.delete(tracked.id);
      throw thrown;
    }
  }

  async function log({ run, steps }: Known, batch: Batch, signal: AbortSignal): Promise<void> {
    const metrics = batch.metrics?.filter(({ key, step }) => step > (steps.get(key) ?? -1)) ?? [];
    await client.log(run.id, { ...batch, metrics }, signal);
    for (const { key, step } of metrics) steps.set(key, Math.max(step, steps.get(key) ?? -1));
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
    begin: (tracked, signal) =>
      withRun(tracked, signal, async ({ run }) => {
        if (run.status !== "RUNNING") {
          await client.setStatus(run.id, "RUNNING", undefined, signal);
          known.delete(tracked.id);
        }
        return run.id;
      }),
    log: (tracked, batch, signal) => withRun(tracked, signal, (entry) => log(entry, batch, signal)),
    async hold(tracked, signal) {
      await withRun(tracked, signal, ({ run }) => client.setStatus(run.id, "SCHEDULED", undefined, signal));
      known.delete(tracked.id);
    },
    async end(tracked, { status, endedAt, model, ...batch }, signal) {
      await withRun(tracked, signal, async (entry) => {
        await log(entry, batch, signal);
        if (model !== undefined) await upload(entry.run, model, signal);
        await client.setStatus(entry.run.id, status, endedAt, signal);
      });
      known.delete(tracked.id);
    },
    async unended(component, signal) {
      const { id } = await experimentOf(signal);
      const filter = `attributes.status = 'RUNNING' and tags.\`uncouple.component\` = '${component}'`;
      const runs = await client.searchRuns(id, filter, signal);
      return runs.flatMap(({ tags }) => tags[RUN_TAG] ?? []);
    },
    async statuses(tag, value, signal) {
      const { id } = await experimentOf(signal);
      const runs = await client.searchRuns(id, `tags.\`${tag}\` = '${value}'`, signal);
      return new Map(
        runs.flatMap(({ status, tags }) => (tags[RUN_TAG] === undefined ? [] : [[tags[RUN_TAG], status] as const])),
      );
    },
  };
}
