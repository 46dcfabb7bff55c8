import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import type { MatrixOptions } from "../../rpc/services/evaluator-service.ts";
import { readPages } from "../../rpc/services/pages.ts";
import type { Platform } from "./platform.ts";

/** Callbacks for the events of an act. */
export interface ActListener {
  chapter(title: string): void;
  /** Called whenever a run changes. */
  run(run: Run): void;
  verdict(verdict: Verdict): void;
  quarantine(quarantine: Quarantine): void;
}

export interface ActOptions<Listener extends ActListener = ActListener> {
  readonly clock: Clock;
  readonly listener: Listener;
  readonly signal: AbortSignal;
}

/** One training run and its snapshot. */
export interface ActRun {
  readonly run: Run;
  readonly manifest: SnapshotManifest;
  /** Loss on standardized outputs over the run. */
  readonly losses: readonly { readonly step: number; readonly loss: number }[];
}

/** What the acts of the demo do with the services. Everything rejects when the act is interrupted. */
export interface Act {
  /** By the name of the snapshot, in order. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly quarantines: ReadonlyMap<string, Quarantine>;
  /** Queues a run per team file, in order, and waits for all of them. @throws UncoupleError the failure of a run */
  train(component: string, teamFiles: readonly string[]): Promise<readonly ActRun[]>;
  /** Waits for the end of a run. @throws UncoupleError its failure */
  follow(run: Run): Promise<ActRun>;
  /** Waits until the evaluator has judged the snapshots. @throws UncoupleError `deadline-exceeded` */
  judged(runs: readonly ActRun[]): Promise<void>;
  /** Returns the losses of all pairs of snapshots of M1 and M2. */
  matrix(options: MatrixOptions): Promise<PipelineMatrix>;
  /** Aborts when the act is interrupted, or over. */
  readonly signal: AbortSignal;
  /** Runs a task beside the act, which fails if the task does. */
  background(task: () => Promise<void>): void;
}

/** Timeout; the evaluator takes well below a second per snapshot. */
const VERDICT_SECONDS = 120;
/** Polling interval. */
export const POLL_MS = 50;

/**
 * Performs an act on running services.
 * @throws UncoupleError what `tell` throws, or the failure of a service or a background task; the reason of the signal's abort
 */
export async function perform<T>(
  platform: Platform,
  { clock, listener, signal: interrupted }: ActOptions,
  tell: (act: Act) => Promise<T>,
): Promise<T> {
  const verdicts = new Map<string, Verdict>();
  const quarantines = new Map<string, Quarantine>();
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupted, ended.signal]);
  let fail: (thrown: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const tasks: Promise<void>[] = [];
  const background = (task: () => Promise<void>) => {
    tasks.push(task().catch(fail));
  };

  const follow = async (started: Run): Promise<ActRun> => {
    const { component } = started;
    const losses: { step: number; loss: number }[] = [];
    let last = started;
    for await (const now of platform.trainer(component).watchRun(started.id, signal)) {
      last = now;
      listener.run(now);
      if (now.loss !== null && now.step > (losses.at(-1)?.step ?? 0)) losses.push({ step: now.step, loss: now.loss });
    }
    signal.throwIfAborted();
    if (!hasEnded(last) || last.snapshot === null) throw failureOf(last);
    return { run: last, manifest: await platform.backplane.registry.manifest(component, last.snapshot), losses };
  };

  const act: Act = {
    verdicts,
    quarantines,
    signal,
    follow,
    background,
    async train(component, teamFiles) {
      const started: Run[] = [];
      for (const teamFile of teamFiles) started.push(await platform.trainer(component).startRun({ teamFile }));
      return Promise.all(started.map(follow));
    },
    async judged(runs) {
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
        await clock.sleep(POLL_MS);
      }
    },
    async matrix(options) {
      const edges = await platform.evaluator.matrix(options);
      const edge = edges.find(({ upstream, downstream }) => upstream === "m1" && downstream === "m2");
      if (edge === undefined) throw new UncoupleError("internal", "the evaluator has no matrix of m1 and m2");
      return edge;
    },
  };

  background(async () => {
    for await (const { value } of platform.evaluator.watchVerdicts(0, signal)) {
      verdicts.set(snapshotName(value), value);
      listener.verdict(value);
    }
  });
  try {
    return await Promise.race([tell(act), failed, platform.failed]);
  } finally {
    ended.abort();
    await Promise.all(tasks);
  }
}

function failureOf(run: Run): UncoupleError {
  const { component, error, state } = run;
  return new UncoupleError(
    error?.code ?? "internal",
    `the run of ${component} ${state}: ${error?.message ?? "no reason"}`,
  );
}
