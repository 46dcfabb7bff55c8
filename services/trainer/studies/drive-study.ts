import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { sampleParameters } from "../../learning/tuning/sample-parameters.ts";
import type { SearchSpec } from "../../pipeline/search.ts";
import { trialHasEnded } from "../../pipeline/study.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Retention } from "../../registry/retention.ts";
import type { Logger } from "../../runtime/logs.ts";
import { changesOf, trainingFingerprint } from "../checkpoints/training-fingerprint.ts";
import type { AwaitSnapshots } from "../runs/pin-snapshots.ts";
import { digestsOfPins } from "../runs/pinned-models.ts";
import { retryWhileUnavailable } from "../runs/retry-while-unavailable.ts";
import { createRunPins } from "../runs/run-pins.ts";
import type { RunTrial } from "./run-trial.ts";
import type { StudyEntry } from "./study-entry.ts";
import { type StudyMaterial, type StudyMaterialDeps, withStudyMaterial } from "./study-material.ts";
import { createTrialDecisions } from "./trial-decision.ts";

export interface DriveStudyDeps extends StudyMaterialDeps {
  readonly registry: Pick<Registry, "manifest">;
  readonly retention: Pick<Retention, "pin" | "release">;
  readonly awaitSnapshots: AwaitSnapshots;
  readonly runTrial: RunTrial;
  readonly codeVersion: string;
  readonly unavailableSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a team file asks of a study. */
export interface StudyPlan {
  readonly search: SearchSpec;
  readonly team: TeamConfig;
}

/** How long a study keeps its rows for the next trial of a sampler outside. */
const LINGER_MS = 30_000;
const never = new AbortController().signal;

/**
 * Goes on with a study until all its trials have ended: pins the upstream snapshots, reads the rows, and runs trials.
 *
 * @param endOf aborts when the client of a trial ends it
 * @throws UncoupleError why the study cannot go on; the reason of the signal
 */
export type DriveStudy = (
  entry: StudyEntry,
  plan: StudyPlan,
  endOf: (trial: number) => AbortSignal,
  signal: AbortSignal,
) => Promise<void>;

export function createDriveStudy(deps: DriveStudyDeps): DriveStudy {
  const { component, clock, log } = deps;
  const outage = (signal: AbortSignal) => ({ seconds: deps.unavailableSeconds, signal, clock, log });

  return async (entry, plan, endOf, signal) => {
    const pins = createRunPins({ ...deps, component });
    const owner = `study-${entry.id}`;
    const hold = (snapshots: ResolvedSnapshots) =>
      retryWhileUnavailable("pinning upstream snapshots", outage(signal), () => pins.pin(owner, snapshots));
    try {
      const pinned = entry.stored().pins ?? (await pin(entry, hold, signal));
      if (entry.stored().pins !== null) await hold(pinned);
      else await entry.record({ upstream: pinned.upstream }, { pins: pinned });
      const { parallel } = entry.stored().study;
      const choice = { share: plan.search.validation, sample: plan.team.sample, parallel };
      await withStudyMaterial(pinned, choice, deps, signal, async (material) => {
        await checkBasis(entry, plan, pinned, material, signal);
        await entry.record({ state: "running", waitingFor: null, rows: material.rows });
        await runTrials(entry, plan, material, endOf, () => pins.renew(owner, pinned), signal);
      });
    } finally {
      // What is interrupted goes on with the same snapshots.
      if (!signal.aborted) pins.release(owner, never);
    }
  };

  function pin(entry: StudyEntry, hold: (snapshots: ResolvedSnapshots) => Promise<void>, signal: AbortSignal) {
    return deps.awaitSnapshots({
      hold,
      onWaiting: (waitingFor) => entry.record({ state: "waiting", waitingFor }),
      around: (wait) => wait(),
      signal,
    });
  }

  /** Values of trials on other rows or models cannot be compared. */
  async function checkBasis(
    entry: StudyEntry,
    { team }: StudyPlan,
    pins: ResolvedSnapshots,
    { data, fingerprint }: StudyMaterial,
    signal: AbortSignal,
  ): Promise<void> {
    const { basis: before } = entry.stored();
    const digests = await digestsOfPins(component, pins, deps.registry, outage(signal));
    const rows = { ...data, training: { ...data.training, fingerprint } };
    const basis = await trainingFingerprint(deps.pipeline, team, rows, digests, deps.codeVersion);
    const changes = before === null ? undefined : changesOf(before, basis);
    if (changes !== undefined) {
      const message = `${changes} changed since the study began, so that its trials cannot be compared; start another study`;
      throw new UncoupleError("failed-precondition", message);
    }
    if (before === null) await entry.record({}, { basis });
  }

  async function runTrials(
    entry: StudyEntry,
    { search, team }: StudyPlan,
    material: StudyMaterial,
    endOf: (trial: number) => AbortSignal,
    onTrial: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const decisions = createTrialDecisions(search, team.steps, entry);
    const failed = new AbortController();
    const interrupted = AbortSignal.any([signal, failed.signal]);
    const inProgress = new Map<number, Promise<void>>();
    let lingered = false;

    const start = (number: number) => {
      onTrial();
      const signals = { interrupted, ended: endOf(number) };
      const running = deps
        .runTrial(entry, number, material, decisions, signals)
        .catch((thrown: unknown) => failed.abort(thrown))
        .finally(() => {
          inProgress.delete(number);
          entry.changed.notify();
        });
      inProgress.set(number, running);
    };
    const waiting = (external: boolean) =>
      entry
        .trials()
        .map(({ trial }) => trial)
        .find((trial) => trial.external === external && !trialHasEnded(trial) && !inProgress.has(trial.trial));

    /** The next trial of the study's own sampler, in order. */
    async function next(): Promise<number | undefined> {
      const known = waiting(false);
      if (known !== undefined) return known.trial;
      const trials = entry.trials();
      if (trials.filter(({ trial }) => !trial.external).length >= entry.stored().study.wanted) return undefined;
      return (await entry.addTrial(sampleParameters(search, trials.length + 1), false)).trial;
    }

    try {
      for (;;) {
        interrupted.throwIfAborted();
        const seen = entry.changed.count;
        for (let one = waiting(true); one !== undefined; one = waiting(true)) start(one.trial);
        const own = () => [...inProgress.keys()].filter((number) => !entry.trial(number).trial.external).length;
        while (own() < entry.stored().study.parallel) {
          const number = await next();
          if (number === undefined) break;
          start(number);
        }
        if (inProgress.size > 0) {
          lingered = false;
          await entry.changed.waitBeyond(seen, interrupted);
        } else if (lingered || !entry.trials().some(({ trial }) => trial.external)) {
          return;
        } else {
          lingered = true;
          await entry.changed.waitBeyond(seen, interrupted, { clock, ms: LINGER_MS });
        }
      }
    } finally {
      await Promise.all(inProgress.values());
    }
  }
}
