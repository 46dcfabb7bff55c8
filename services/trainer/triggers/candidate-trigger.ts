import { createNotifier, type TimeLimit, waitForEither } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { PipelineView, PipelineViewDeps } from "../../composition/pipeline-view.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { CandidateRun } from "../../pipeline/release.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { Ledger } from "../../registry/ledger.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunQueue } from "../runs/run-queue.ts";
import type { RunStore } from "../runs/run-store.ts";
import type { LedgerMark, StoredRun } from "../runs/stored-run.ts";

export interface CandidateTriggerDeps {
  readonly team: TeamConfig;
  readonly backplane: { readonly ledger: Pick<Ledger, "end"> };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp" | "release">;
  readonly queue: RunQueue;
  readonly store: Pick<RunStore, "candidateSeen" | "saveCandidateSeen">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Queues the runs that a gate asks for in the ledger: trainings of the component on a candidate that is not released. A team that
 * does not co-train is not asked, and honors nothing. A request is handled once, across restarts; a failed run is tried again;
 * what is cancelled in the ledger is cancelled here. Its callbacks are those of the pipeline view.
 */
export interface CandidateTrigger extends Required<Pick<PipelineViewDeps, "onAnnouncement" | "onLedgerEntry">> {
  /** Queues and cancels runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Runs for a request, after which its failure is final. */
export const MAX_TRIES = 3;
/** Delay before another look after a failure. */
const RETRY_DELAY_MS = 1_000;

export function createCandidateTrigger(deps: CandidateTriggerDeps): CandidateTrigger {
  const { team, backplane, view, queue, store, clock, log } = deps;
  const { component } = team;
  const arrived = createNotifier();
  /** By id, in the order of the ledger. */
  const requests = new Map<string, Logged<CandidateRun>>();
  /** The requests that this component's snapshots answer, and the snapshots of all components that answer one. */
  const answered = new Set<string>();
  const answers = new Set<string>();
  /** Positions of requests that are not tried again. */
  const givenUp = new Set<number>();
  /** Names the store: the run of its first announcement. */
  let firstRun = "";
  let seen: LedgerMark | undefined;

  async function settle(signal: AbortSignal): Promise<void> {
    const isIdle = requests.size === 0 && !queue.runs().some(isUnfinished);
    if (isIdle) return;
    await view.catchUp(signal);
    await cancelRuns();
    if (team.cotrain !== true) return;
    for (const request of requests.values()) {
      if (answered.has(request.value.id) || givenUp.has(request.position)) continue;
      const last = queue.runs().find((run) => isFor(run, request));
      if (last === undefined ? isHandled(request) : !isToRetry(last)) continue;
      const obsolete = whyObsolete(request.value);
      if (obsolete !== undefined) {
        givenUp.add(request.position);
        log.info({ request: request.value.id }, `not training for the request ${request.value.id}: ${obsolete}`);
      } else {
        // It is looked at again when the queue changes.
        if (queue.queued() >= queue.capacity) return;
        await submit(request, (last?.candidate?.tries ?? 0) + 1);
      }
      if (isHandled(request)) continue;
      seen = { store: firstRun, position: request.position };
      await store.saveCandidateSeen(seen);
    }
  }

  async function submit({ position, value }: Logged<CandidateRun>, tries: number): Promise<void> {
    const { id, attempt, upstream, candidate } = value;
    log.info({ request: id }, `training on ${snapshotName(candidate)} for the request ${id}: ${value.why}`);
    await queue.submit({
      trigger: "candidate",
      team: { ...team, seed: team.seed + attempt - 1 },
      asked: upstream,
      candidate: { id, position, tries },
    });
  }

  /** Cancels the runs for requests that are not open any more. */
  async function cancelRuns(): Promise<void> {
    for (const stored of queue.runs()) {
      const { candidate, run, cancelRequested } = stored;
      if (candidate === undefined || !isUnfinished(stored) || cancelRequested) continue;
      if (requests.get(candidate.id)?.position === candidate.position) continue;
      log.info({ run: run.id, request: candidate.id }, `cancelling run ${run.id}: the gate cancelled its request`);
      await queue.cancel(run.id).catch((thrown: unknown) => {
        // It has ended in the meantime.
        if (asUncoupleError(thrown).code !== "failed-precondition") throw thrown;
      });
    }
  }

  const isFor = ({ candidate }: StoredRun, { position, value }: Logged<CandidateRun>) =>
    candidate?.id === value.id && candidate.position === position;
  /** Its run may be too old to be listed. */
  const isHandled = ({ position }: Logged<CandidateRun>) => seen?.store === firstRun && position <= seen.position;

  function isToRetry({ run, candidate }: StoredRun): boolean {
    if (run.state !== "failed" || candidate === undefined) return false;
    if (candidate.tries < MAX_TRIES) return true;
    givenUp.add(candidate.position);
    const why = run.error?.message ?? "no reason given";
    log.error(
      { run: run.id, request: candidate.id },
      `giving up on the request ${candidate.id} after ${MAX_TRIES} failed runs, the last with: ${why}`,
    );
    return false;
  }

  /** A gate cancels such requests; while none runs, they would be trained for nothing. */
  function whyObsolete({ candidate }: CandidateRun): string | undefined {
    const { component: upstream, serial } = candidate;
    const released = view.release()?.composition[upstream] ?? 0;
    if (released >= serial) return `${snapshotName({ component: upstream, serial: released })} is released`;
    const [newest = serial] = view.history.sound(upstream).newest(1, Number.POSITIVE_INFINITY);
    // A candidate that answers a request itself is one attempt of several.
    if (newest <= serial || answers.has(snapshotName(candidate))) return undefined;
    return `${snapshotName({ component: upstream, serial: newest })} is newer`;
  }

  return {
    onAnnouncement({ manifest }) {
      firstRun ||= manifest.runId;
      const { candidateRun } = manifest.provenance;
      if (candidateRun === undefined) return;
      answers.add(snapshotName(manifest));
      if (manifest.component === component) answered.add(candidateRun);
    },
    onLedgerEntry({ position, value }) {
      if (value.entry !== "candidate-run" || value.consumer !== component) return;
      requests.delete(value.id);
      if (value.state === "requested") requests.set(value.id, { position, value });
      arrived.notify();
    },
    async run(signal) {
      seen = await store.candidateSeen();
      let isChecked = false;
      while (!signal.aborted) {
        const before = { arrived: arrived.count, changed: queue.changed.count };
        let retryAfter: TimeLimit | undefined;
        try {
          if (!isChecked && seen !== undefined) {
            // The store was restored from a backup that ends before: these positions will have other entries.
            if (seen.position > (await backplane.ledger.end())) seen = undefined;
          }
          isChecked = true;
          await settle(signal);
        } catch (thrown) {
          if (signal.aborted) return;
          const error = asUncoupleError(thrown);
          log.warn({ error }, `cannot handle the requests to train on candidates: ${error.message}; trying again`);
          retryAfter = { clock, ms: RETRY_DELAY_MS };
        }
        await waitForEither([arrived, before.arrived], [queue.changed, before.changed], signal, retryAfter);
      }
    },
  };
}

function isUnfinished({ run, candidate }: StoredRun): boolean {
  return candidate !== undefined && !hasEnded(run);
}
