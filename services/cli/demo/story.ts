import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { pinComponent } from "../../releases/pin.ts";
import { readPages } from "../../rpc/services/pages.ts";
import type { Platform } from "./platform.ts";

/** Contents of the team files that the story submits with its runs. */
export interface StoryFiles {
  readonly initial: string;
  readonly async: string;
  readonly proximal: string;
  readonly causal: string;
  readonly incremental: string;
  readonly consistent: string;
}

export type Role = keyof StoryFiles;

/** Callbacks for the events of the story. */
export interface StoryListener {
  chapter(title: string): void;
  /** Called whenever a run changes. */
  run(run: Run): void;
  verdict(verdict: Verdict): void;
  quarantine(quarantine: Quarantine): void;
}

export interface StoryOptions {
  readonly clock: Clock;
  readonly listener: StoryListener;
  readonly signal: AbortSignal;
}

/** One training run of the story and its snapshot. */
export interface StoryRun {
  readonly role: Role;
  readonly run: Run;
  readonly manifest: SnapshotManifest;
  /** Loss on standardized outputs over the run. */
  readonly losses: readonly { readonly step: number; readonly loss: number }[];
}

export interface StoryRecord {
  readonly runs: readonly StoryRun[];
  readonly verdicts: readonly Verdict[];
  readonly quarantines: readonly Quarantine[];
  readonly matrix: PipelineMatrix;
}

/** Timeout; the evaluator takes well below a second per snapshot. */
const VERDICT_SECONDS = 120;

/**
 * Runs the paper's story (Modi et al. 2023, section 4) on the services: team M1 publishes a linear model, team M2
 * trains on its predictions under three protocols, and team M1 publishes a better model twice.
 * @throws UncoupleError the failure of a run; `deadline-exceeded` if the evaluator is too slow; `cancelled`
 */
export async function tellStory(
  platform: Platform,
  files: StoryFiles,
  { clock, listener, signal }: StoryOptions,
): Promise<StoryRecord> {
  const verdicts = new Map<string, Verdict>();
  const quarantines = new Map<string, Quarantine>();
  const ended = new AbortController();
  const watching = AbortSignal.any([signal, ended.signal]);
  let watchFailed: (thrown: unknown) => void = () => {};
  const watch = new Promise<never>((_, reject) => {
    watchFailed = reject;
  });
  watch.catch(() => {});
  const listening = (async () => {
    for await (const { value } of platform.evaluator.watchVerdicts(0, watching)) {
      verdicts.set(snapshotName(value), value);
      listener.verdict(value);
    }
  })().catch(watchFailed);

  /** Queues a run. Callers await it, so that a trainer receives its runs in order. */
  const start = async (role: Role, component: string): Promise<() => Promise<StoryRun>> => {
    const trainer = platform.trainer(component);
    const started = await trainer.startRun({ teamFile: files[role] });
    return async () => {
      const losses: { step: number; loss: number }[] = [];
      let last = started;
      for await (const now of trainer.watchRun(started.id, signal)) {
        last = now;
        listener.run(now);
        if (now.loss !== null && now.step > (losses.at(-1)?.step ?? 0)) losses.push({ step: now.step, loss: now.loss });
      }
      signal.throwIfAborted();
      if (!hasEnded(last) || last.snapshot === null) throw failureOf(last);
      return {
        role,
        run: last,
        manifest: await platform.backplane.registry.manifest(component, last.snapshot),
        losses,
      };
    };
  };
  const train = async (component: string, ...roles: readonly Role[]): Promise<readonly StoryRun[]> => {
    const follow: (() => Promise<StoryRun>)[] = [];
    for (const role of roles) follow.push(await start(role, component));
    return Promise.all(follow.map((run) => run()));
  };

  /** Waits until every run's snapshot is judged, so that later ones are compared with all of them. */
  const judged = async (runs: readonly StoryRun[]): Promise<void> => {
    const names = runs.map(({ manifest }) => snapshotName(manifest));
    const missing = () => names.filter((name) => !verdicts.has(name) && !quarantines.has(name));
    const giveUp = clock.elapsed() + VERDICT_SECONDS * 1000;
    while (missing().length > 0) {
      signal.throwIfAborted();
      if (clock.elapsed() > giveUp) {
        const message = `the evaluator did not judge ${missing().join(", ")} within ${VERDICT_SECONDS} s`;
        throw new UncoupleError("deadline-exceeded", message);
      }
      for await (const { value: quarantine } of readPages(platform.evaluator.listQuarantines)) {
        const name = snapshotName(quarantine);
        if (quarantines.has(name)) continue;
        quarantines.set(name, quarantine);
        listener.quarantine(quarantine);
      }
      await clock.sleep(50);
    }
  };

  const champion = async (runs: readonly StoryRun[]): Promise<void> => {
    for (const { manifest } of runs) {
      const { pipeline, component, serial } = manifest;
      const request = { component, by: "demo", reason: "first snapshot" };
      await pinComponent({ backplane: platform.backplane, pipeline, clock }, request, serial);
    }
  };

  const tell = async (): Promise<StoryRecord> => {
    listener.chapter("Team M1 publishes M1^0, a linear model of z, and makes it the champion");
    const initial = await train("m1", "initial");
    await champion(initial);
    await judged(initial);

    listener.chapter("Team M2 trains on M1^0's predictions under three protocols; async becomes the champion");
    const async = await train("m2", "async");
    await judged(async);
    await champion(async);
    const others = await train("m2", "proximal", "causal");
    await judged(others);

    listener.chapter("Team M1 publishes two better models: one slightly better, one nearly perfect");
    const updates = await train("m1", "incremental", "consistent");
    await judged(updates);

    return {
      runs: [...initial, ...async, ...others, ...updates],
      verdicts: [...verdicts.values()],
      quarantines: [...quarantines.values()],
      matrix: await matrixOf(platform),
    };
  };

  try {
    return await Promise.race([tell(), watch, platform.failed]);
  } finally {
    ended.abort();
    await listening;
  }
}

function failureOf(run: Run): UncoupleError {
  const { component, error, state } = run;
  return new UncoupleError(
    error?.code ?? "internal",
    `the run of ${component} ${state}: ${error?.message ?? "no reason"}`,
  );
}

async function matrixOf(platform: Platform): Promise<PipelineMatrix> {
  const edges = await platform.evaluator.matrix({ intervals: true });
  const edge = edges.find(({ upstream, downstream }) => upstream === "m1" && downstream === "m2");
  if (edge !== undefined) return edge;
  throw asUncoupleError(new TypeError("the evaluator has no matrix of m1 and m2"));
}
