import { restartForever } from "../../common/async/restart-forever.ts";
import { backoffMs } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../../common/errors.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Logged, Verdict } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { Experiment, MlflowClient } from "../../tracking/mlflow-client.ts";
import { attemptsAllowed } from "../../tracking/mlflow-requests.ts";
import { findRun } from "../../tracking/run-log.ts";
import { VERDICT_TAG, verdictBatch } from "../../tracking/verdict-fields.ts";

/** Held by the evaluator that logs. */
const LEASE = "tracking";
/** The tag of the experiment that says up to which position of the log of verdicts it has them. */
const POSITION_TAG = "uncouple.verdicts";
/** Between attempts. */
const RETRY = { firstDelayMs: 1_000, longestDelayMs: 30_000 };
/** How long a verdict waits for the run that its trainer logs, and the interval at which it looks. */
const RUN_WAIT_MS = 60_000;
const RUN_CHECK_MS = 2_000;
/** Verdicts in work at a time. */
const PARALLEL = 32;

export interface TrackVerdictsDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  /** Its name is that of the experiment. */
  readonly pipeline: string;
  readonly backplane: Pick<Backplane, "verdicts" | "leases"> & {
    readonly registry: Pick<Backplane["registry"], "manifest">;
  };
  readonly client: MlflowClient;
  /** Called for each verdict that is given up. */
  onDropped(): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Logs each verdict on the run that made its snapshot, until the signal aborts. One evaluator of a pipeline does, under a
 * lease, from the log of verdicts, and the server knows how far it has come: nothing waits for it, and a kill or an outage
 * loses nothing. A server that is new to the pipeline gets the verdicts from then on. A snapshot whose run is not at the
 * server, because its trainer does not track, is left out after a minute.
 */
export async function trackVerdicts(deps: TrackVerdictsDeps, signal: AbortSignal): Promise<void> {
  const { backplane, client, clock, log } = deps;
  let warned = false;
  const noteFailure = (error: UncoupleError) => {
    if (!warned) log.warn(`tracking: cannot log to the MLflow server: ${error.message}; still trying`);
    warned = true;
  };

  /** Repeats work through outages. @throws what the server refuses, or the signal's reason */
  async function persist<T>(work: () => Promise<T>, until: AbortSignal): Promise<T> {
    for (let attempt = 1, refusals = 0; ; attempt++) {
      until.throwIfAborted();
      try {
        const result = await work();
        warned = false;
        return result;
      } catch (thrown) {
        until.throwIfAborted();
        const error = asUncoupleError(thrown);
        const allowed = attemptsAllowed(error);
        if (Number.isFinite(allowed)) refusals++;
        if (refusals >= allowed) throw error;
        noteFailure(error);
        await clock.sleep(backoffMs(RETRY, attempt), until);
      }
    }
  }

  /** @returns whether the server has the run */
  async function logVerdict(verdict: Verdict, experiment: Experiment, until: AbortSignal): Promise<boolean> {
    const { runId } = await backplane.registry.manifest(verdict.component, verdict.serial);
    const run = await findRun(client, experiment, runId, until);
    if (run === undefined) return false;
    if (run.tags[VERDICT_TAG] === undefined) await client.log(run.id, verdictBatch(verdict), until);
    return true;
  }

  async function take(verdict: Verdict, experiment: Experiment, until: AbortSignal): Promise<void> {
    // Its run is one of another pipeline.
    if (verdict.origin !== undefined) return;
    try {
      for (let waited = 0; waited <= RUN_WAIT_MS; waited += RUN_CHECK_MS) {
        if (await persist(() => logVerdict(verdict, experiment, until), until)) return;
        await clock.sleep(RUN_CHECK_MS, until);
      }
      log.debug(`tracking: no run at the MLflow server for ${snapshotName(verdict)}`);
    } catch (thrown) {
      until.throwIfAborted();
      deps.onDropped();
      log.warn(`tracking: gave up on the verdict on ${snapshotName(verdict)}: ${asUncoupleError(thrown).message}`);
    }
  }

  async function follow(begin: number, until: AbortSignal): Promise<void> {
    const experiment = await persist(() => client.experiment(deps.pipeline, until), until);
    const known = Number(experiment.tags[POSITION_TAG] ?? Number.NaN);
    // A position beyond the end is of a store that was replaced.
    const isKnown = known <= (await backplane.verdicts.end());
    let saved = isKnown ? known : -1;
    /** Positions in work. */
    const open = new Map<number, Promise<void>>();
    let last = isKnown ? known : begin;

    async function save(): Promise<void> {
      const position = open.size === 0 ? last : Math.min(...open.keys()) - 1;
      if (position <= saved) return;
      saved = position;
      await persist(() => client.setExperimentTag(experiment.id, POSITION_TAG, String(position), until), until);
    }

    async function settle({ position, value }: Logged<Verdict>): Promise<void> {
      await take(value, experiment, until);
      open.delete(position);
      await save();
    }

    // From now on, a kill loses nothing.
    await save();
    for await (const logged of backplane.verdicts.watch(last + 1, until)) {
      last = logged.position;
      const settled = settle(logged).catch((thrown: unknown) => {
        if (!until.aborted) noteFailure(asUncoupleError(thrown));
      });
      open.set(logged.position, settled);
      while (open.size >= PARALLEL) await Promise.race(open.values());
    }
  }

  let begin: number | undefined;
  await restartForever({ clock, signal, onError: noteFailure }, async () => {
    begin ??= await backplane.verdicts.end();
    const lease = await backplane.leases.acquire(LEASE, deps.evaluator, signal);
    const over = new AbortController();
    try {
      await follow(begin, AbortSignal.any([signal, lease.lost, over.signal]));
    } finally {
      over.abort();
      await lease.release();
    }
  });
}
