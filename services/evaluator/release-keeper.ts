import { restartForever } from "../common/async/restart-forever.ts";
import { type Clock, timestamp } from "../common/clock/clock.ts";
import { asUncoupleError } from "../common/errors.ts";
import { isEnforced, readInForce } from "../composition/in-use.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { digestOfGate } from "../pipeline/gate.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { movesName } from "../pipeline/release.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import { NO_OWNER } from "../registry/retention-index.ts";
import { addedBy, appendRelease } from "../releases/append-release.ts";
import { ungatedRelease } from "../releases/ungated.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";

export interface ReleaseKeeperDeps {
  readonly pipeline: Pipeline;
  readonly backplane: Pick<Backplane, "ledger" | "registry" | "retention">;
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "release" | "catchUp" | "changed" | "noteDeleted" | "noteRelease">;
  /** Must be followed. */
  readonly gate: Pick<PipelineGate, "confirm" | "refusal" | "opens">;
  /** Called with what is about to be released, before it is: `observe` decides about it here. */
  beforeRelease?(moves: Composition): Promise<void>;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends work in progress. */
  readonly signal: AbortSignal;
}

/**
 * Releases what the rule without a gate puts in use (`releases/ungated.ts`). Of several evaluators, one appends each release.
 * With a gate that enforces, does nothing.
 */
export interface ReleaseKeeper {
  /** Brings the newest release up to date. Reports failures instead of throwing; `run` tries again. */
  update(): Promise<void>;
  /** Updates after every change of the view, until the signal aborts. */
  run(): Promise<void>;
}

export function createReleaseKeeper(deps: ReleaseKeeperDeps): ReleaseKeeper {
  const { pipeline, backplane, view, reportFailure, clock, log, signal } = deps;
  if (isEnforced(pipeline)) return { update: async () => {}, run: async () => {} };
  const gateDigest = pipeline.gate === undefined ? null : digestOfGate(pipeline.gate);

  /** Whether what this process has seen asks for nothing. What it has not seen yet changes the view when it comes. */
  const isCurrent = (): boolean => {
    const newest = view.release();
    const inForce = { release: newest, champions: {} };
    return newest !== undefined && ungatedRelease(pipeline, view.history, inForce) === undefined;
  };

  /** @returns whether there may be more to do */
  async function release(): Promise<boolean> {
    if ((await deps.gate.confirm()) !== undefined) return false;
    // In this order: the view then has everything that the newest release was decided on.
    const inForce = await readInForce(backplane);
    await view.catchUp(signal);
    const wanted = ungatedRelease(pipeline, view.history, inForce);
    if (wanted === undefined) return false;
    const moves = addedBy(wanted.composition, inForce.release?.composition ?? {});
    await deps.beforeRelease?.(moves);
    const { name } = pipeline;
    const draft = { pipeline: name, at: timestamp(clock), ...wanted, previous: inForce.release, gate: gateDigest };
    const released = await appendRelease(backplane, draft, NO_OWNER).catch((thrown: unknown) => {
      if (!(thrown instanceof DeletedError)) throw thrown;
      view.noteDeleted(thrown.snapshot);
      return undefined;
    });
    if (released === undefined) return true;
    view.noteRelease(released);
    const { number, composition, cause } = released;
    log.info(
      { release: number, composition, cause: cause.type },
      `release ${number}: ${movesName(moves) || "removal"}`,
    );
    return !isCurrent();
  }

  let last: Promise<void> = Promise.resolve();
  /** One at a time: a later call starts after the one in progress, and sees what it missed. */
  const updateOrThrow = (): Promise<void> => {
    const next = last
      .catch(() => {})
      .then(async () => {
        while (!signal.aborted && (await release()));
      });
    last = next;
    return next;
  };
  return {
    async update() {
      await updateOrThrow().catch((thrown: unknown) => {
        if (!signal.aborted) reportFailure("releasing what is in use", asUncoupleError(thrown));
      });
    },
    run: () =>
      restartForever(
        { clock, signal, onError: (error) => reportFailure("releasing what is in use", error) },
        async () => {
          for (;;) {
            const seen = view.changed.count;
            if (!isCurrent()) await updateOrThrow();
            if (deps.gate.refusal() === undefined) await view.changed.waitBeyond(seen, signal);
            else await deps.gate.opens(signal);
            signal.throwIfAborted();
          }
        },
      ),
  };
}
