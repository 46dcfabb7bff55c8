import { UncoupleError } from "../common/errors.ts";
import { MlflowError, type MlflowRequests } from "./mlflow-requests.ts";

/** By name. */
export type Tags = Readonly<Record<string, string>>;

export interface Experiment {
  readonly id: string;
  readonly tags: Tags;
}

/** A run as the server has it. */
export interface MlflowRun {
  readonly id: string;
  /** Its folder in the artifact store that the server is a proxy for; undefined if clients write to a store themselves. */
  readonly artifacts: string | undefined;
  readonly status: string;
  readonly tags: Tags;
  /** Metric to the largest step that the server has of it. */
  readonly steps: Readonly<Record<string, number>>;
}

/** A run that is `SCHEDULED` waits to go on. */
export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export interface Metric {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly step: number;
}

/** What to log of a run at once. Repeating it changes nothing. */
export interface Batch {
  readonly metrics?: readonly Metric[];
  readonly params?: Tags;
  readonly tags?: Tags;
}

export interface NewMlflowRun {
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly tags: Tags;
}

/** The part of MLflow's REST API that Uncouple uses; every call throws as `MlflowRequests`. */
export interface MlflowClient extends Pick<MlflowRequests, "putArtifact"> {
  /** Finds an experiment by name, or creates it. */
  experiment(name: string, signal: AbortSignal): Promise<Experiment>;
  setExperimentTag(experiment: string, key: string, value: string, signal: AbortSignal): Promise<void>;
  /** Finds the runs of an experiment, oldest first. @param filter in MLflow's search syntax */
  searchRuns(experiment: string, filter: string, signal: AbortSignal): Promise<readonly MlflowRun[]>;
  createRun(experiment: string, run: NewMlflowRun, signal: AbortSignal): Promise<MlflowRun>;
  log(run: string, batch: Batch, signal: AbortSignal): Promise<void>;
  /** @param endedAt milliseconds since the Unix epoch; undefined if it has not ended */
  setStatus(run: string, status: RunStatus, endedAt: number | undefined, signal: AbortSignal): Promise<void>;
  /** Says that a folder of the run's artifacts is a model. @param model its `MLmodel` file, as JSON */
  logModel(run: string, model: string, signal: AbortSignal): Promise<void>;
}

/** Limits of one request: https://mlflow.org/docs/latest/rest-api.html#request-limits. */
const MAX_METRICS = 1_000;
const MAX_PARAMS = 100;
/** Of a parameter, in servers of version 1 and 2. */
const MAX_PARAM_LENGTH = 500;
const MAX_TAG_LENGTH = 5_000;
/** Runs of an answer. */
const PAGE = 1_000;
const PROXY = /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.*)$/;

export function createMlflowClient(requests: MlflowRequests): MlflowClient {
  async function findExperiment(name: string, signal: AbortSignal): Promise<Experiment | undefined> {
    try {
      const answer = await requests.call("GET", "experiments/get-by-name", { experiment_name: name }, signal);
      const { experiment } = answer as {
        experiment: { experiment_id: string; lifecycle_stage?: string; tags?: Pair[] };
      };
      if (experiment.lifecycle_stage === "deleted") {
        throw new UncoupleError(
          "failed-precondition",
          `the experiment ${name} is deleted; restore it with \`mlflow experiments restore\``,
        );
      }
      return { id: experiment.experiment_id, tags: fromPairs(experiment.tags) };
    } catch (thrown) {
      if (thrown instanceof MlflowError && thrown.answer === "RESOURCE_DOES_NOT_EXIST") return undefined;
      throw thrown;
    }
  }

  return {
    async experiment(name, signal) {
      const found = await findExperiment(name, signal);
      if (found !== undefined) return found;
      try {
        const answer = await requests.call("POST", "experiments/create", { name }, signal);
        return { id: (answer as { experiment_id: string }).experiment_id, tags: {} };
      } catch (thrown) {
        // Another service has created it meanwhile.
        const created = await findExperiment(name, signal);
        if (created === undefined) throw thrown;
        return created;
      }
    },
    async setExperimentTag(experiment, key, value, signal) {
      await requests.call("POST", "experiments/set-experiment-tag", { experiment_id: experiment, key, value }, signal);
    },
    async searchRuns(experiment, filter, signal) {
      const query = { experiment_ids: [experiment], filter, order_by: ["attributes.start_time ASC"] };
      const found: MlflowRun[] = [];
      for (let page: string | undefined; ; ) {
        const asked = { ...query, max_results: PAGE, ...(page !== undefined && { page_token: page }) };
        const answer = (await requests.call("POST", "runs/search", asked, signal)) as FoundRuns;
        found.push(...(answer.runs ?? []).map(runOf));
        page = answer.next_page_token;
        if (page === undefined || page === "") return found;
      }
    },
    async createRun(experiment, { name, startedAt, tags }, signal) {
      const answer = await requests.call(
        "POST",
        "runs/create",
        { experiment_id: experiment, run_name: name, start_time: startedAt, tags: pairs(tags, MAX_TAG_LENGTH) },
        signal,
      );
      return runOf((answer as { run: AnsweredRun }).run);
    },
    async log(run, { metrics = [], params = {}, tags = {} }, signal) {
      const values = metrics.map(({ value, ...metric }) => ({ ...metric, value: finite(value) }));
      const named = pairs(params, MAX_PARAM_LENGTH).slice(0, MAX_PARAMS);
      // The limit of a request counts parameters and tags, too; tags come last: they say that the rest is there.
      for (let from = 0; from < values.length; from += MAX_METRICS) {
        const part = values.slice(from, from + MAX_METRICS);
        await requests.call("POST", "runs/log-batch", { run_id: run, metrics: part }, signal);
      }
      if (named.length > 0) await requests.call("POST", "runs/log-batch", { run_id: run, params: named }, signal);
      const labels = pairs(tags, MAX_TAG_LENGTH);
      if (labels.length > 0) await requests.call("POST", "runs/log-batch", { run_id: run, tags: labels }, signal);
    },
    async setStatus(run, status, endedAt, signal) {
      await requests.call("POST", "runs/update", { run_id: run, status, end_time: endedAt }, signal);
    },
    async logModel(run, model, signal) {
      await requests.call("POST", "runs/log-model", { run_id: run, model_json: model }, signal);
    },
    putArtifact: requests.putArtifact,
  };
}

interface Pair {
  readonly key: string;
  readonly value: string;
}

interface FoundRuns {
  readonly runs?: AnsweredRun[];
  readonly next_page_token?: string;
}

interface AnsweredRun {
  readonly info: { readonly run_id: string; readonly status?: string; readonly artifact_uri?: string };
  readonly data?: {
    readonly tags?: Pair[];
    readonly metrics?: { readonly key: string; readonly step?: number | string }[];
  };
}

function runOf({ info, data }: AnsweredRun): MlflowRun {
  return {
    id: info.run_id,
    artifacts: PROXY.exec(info.artifact_uri ?? "")?.[1],
    status: info.status ?? "RUNNING",
    tags: fromPairs(data?.tags),
    steps: Object.fromEntries((data?.metrics ?? []).map(({ key, step }) => [key, Number(step ?? 0)])),
  };
}

function fromPairs(pairs: readonly Pair[] = []): Tags {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

/** Names may have letters, digits and `_-./ `. */
function pairs(values: Tags, maxLength: number): readonly Pair[] {
  return Object.entries(values).map(([key, value]) => ({
    key: key.replaceAll(/[^\w\-./ ]/g, "_").slice(0, 250),
    value: value.slice(0, maxLength),
  }));
}

/** MLflow reads these strings as numbers that JSON does not have. */
function finite(value: number): number | string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? value : value > 0 ? "Infinity" : "-Infinity";
}
