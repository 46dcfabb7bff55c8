import { restartForever } from "../../common/async/restart-forever.ts";
import { backoffMs } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../../common/errors.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Backplane, WriteOnceLog } from "../../registry/backplane.ts";
import type { Logger } from "../../runtime/logs.ts";
import { QUARANTINE_TAG, quarantineBatch, VERDICT_TAG, verdictBatch } from "../../tracking/judgment-fields.ts";
import type { Batch, MlflowClient } from "../../tracking/mlflow-client.ts";
import { attemptsAllowed } from "../../tracking/mlflow-requests.ts";
import { findRun } from "../../tracking/run-log.ts";
import { followLog } from "./follow-log.ts";

/** Held by the evaluator that logs. */
const LEASE = "tracking";
/** Between attempts. */
const RETRY = { firstDelayMs: 1_000, longestDelayMs: 30_000 };
/** How long a judgment waits for the run that its trainer logs, and the interval at which it looks. */
const RUN_WAIT_MS = 60_000;
const RUN_CHECK_MS = 2_000;

/** How the entries of a log of judgments are logged. */
interface Kind<T extends SnapshotId> {
  readonly name: string;
  readonly log: Pick<WriteOnceLog<T>, "end" | "watch">;
  /** The tag of the experiment that says up to which position of the log it has them. */
  readonly positionTag: string;
  /** The tag of a run that says that it has all of its judgment. */
  readonly doneTag: string;
  batch(judgment: T): Batch;
}

export interface TrackJudgmentsDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  /** Its name is that of the experiment. */
  readonly pipeline: string;
  readonly backplane: Pick<Backplane, "leases"> & {
    readonly verdicts: Pick<Backplane["verdicts"], "end" | "watch">;
    readonly quarantines: Pick<Backplane["quarantines"], "end" | "watch">;
    readonly registry: Pick<Backplane["registry"], "manifest">;
  };
  readonly client: MlflowClient;
  /** Called for each judgment that is given up. */
  onDropped(): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Logs each verdict and each quarantine on the run that made its snapshot, until the signal aborts. One evaluator of a
 * pipeline does, under a lease, from the logs of the store, and the server knows how far it has come: nothing waits for it,
 * and a kill or an outage loses nothing. A server that is new to the pipeline gets them from then on. A snapshot whose run is
 * not at the server, because its trainer does not track or is one of another pipeline, is left out.
 */
export async function trackJudgments(deps: TrackJudgmentsDeps, signal: AbortSignal): Promise<void> {
  const { backplane, client, clock, log } = deps;
  const { verdicts, quarantines } = backplane;
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

  /** @returns whether the server has the run, or never will */
  async function logOn<T extends SnapshotId>(
    { doneTag, batch }: Kind<T>,
    judgment: T,
    experiment: string,
    until: AbortSignal,
  ): Promise<boolean> {
    const { runId, provenance } = await backplane.registry.manifest(judgment.component, judgment.serial);
    if (provenance.origin !== undefined) return true;
    const run = await findRun(client, experiment, runId, until);
    if (run === undefined) return false;
    if (run.tags[doneTag] === undefined) await client.log(run.id, batch(judgment), until);
    return true;
  }

  async function take<T extends SnapshotId>(
    kind: Kind<T>,
    judgment: T,
    experiment: string,
    until: AbortSignal,
  ): Promise<void> {
    try {
      for (let waited = 0; waited <= RUN_WAIT_MS; waited += RUN_CHECK_MS) {
        if (await persist(() => logOn(kind, judgment, experiment, until), until)) return;
        await clock.sleep(RUN_CHECK_MS, until);
      }
      log.debug(`tracking: no run at the MLflow server for ${snapshotName(judgment)}`);
    } catch (thrown) {
      until.throwIfAborted();
      deps.onDropped();
      const why = asUncoupleError(thrown).message;
      log.warn(`tracking: gave up on the ${kind.name} ${snapshotName(judgment)}: ${why}`);
    }
  }

  const follow = <T extends SnapshotId>(kind: Kind<T>, begin: number, until: AbortSignal) =>
    followLog<T>(
      {
        ...kind,
        experiment: deps.pipeline,
        client,
        persist: (work) => persist(work, until),
        take: (judgment, experiment) => take(kind, judgment, experiment, until),
      },
      begin,
      until,
    );

  let begin: readonly [number, number] | undefined;
  await restartForever({ clock, signal, onError: noteFailure }, async () => {
    begin ??= [await verdicts.end(), await quarantines.end()];
    const lease = await backplane.leases.acquire(LEASE, deps.evaluator, signal);
    const over = new AbortController();
    const until = AbortSignal.any([signal, lease.lost, over.signal]);
    const following = [
      follow(
        {
          name: "verdict on",
          log: verdicts,
          positionTag: "uncouple.verdicts",
          doneTag: VERDICT_TAG,
          batch: verdictBatch,
        },
        begin[0],
        until,
      ),
      follow(
        {
          name: "quarantine of",
          log: quarantines,
          positionTag: "uncouple.quarantines",
          doneTag: QUARANTINE_TAG,
          batch: quarantineBatch,
        },
        begin[1],
        until,
      ),
    ];
    try {
      await Promise.all(following);
    } finally {
      over.abort();
      await Promise.allSettled(following);
      await lease.release();
    }
  });
}
