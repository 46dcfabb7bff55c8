import { backoffMs } from "../common/async/retry.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../common/errors.ts";
import type { HealthCheck } from "../runtime/http.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Trainer } from "./create-trainer.ts";

/** The trainers of one process. Each is a failure domain of its own: what stops one does not stop the others. */
export interface TeamHost {
  /**
   * Starts all trainers, and resolves when each has started or has failed once. A trainer that failed is started again, less
   * and less often, until the host stops.
   * @throws UncoupleError the failure of the first one, if none has started
   */
  start(): Promise<void>;
  /** Whether every trainer has started or failed once. */
  started(): boolean;
  /** Whether at least one trainer is ready. */
  ready(): boolean;
  /** Why a component is not ready, by component. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Called when a trainer has lost its state folder: stops that trainer. */
  lose(component: string, error: UncoupleError): void;
  /** As `Trainer.stop`, of all. Further calls return the same promise. */
  stop(): Promise<void>;
}

export interface TeamHostDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a trainer becomes ready or stops being so. */
  onChange(): void;
  /** Called with the last loss when no trainer is left. */
  onLost(error: UncoupleError): void;
}

const RESTART = { firstDelayMs: 1_000, longestDelayMs: 30_000 };

/** @param trainers by component, at least one */
export function hostTeams(trainers: ReadonlyMap<string, Trainer>, deps: TeamHostDeps): TeamHost {
  const { clock, log, onChange } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const lost = new Set<string>();
  const background: Promise<void>[] = [];
  let isStarted = false;
  let stopped: Promise<void> | undefined;

  async function retry(component: string, trainer: Trainer): Promise<void> {
    for (let attempt = 1; !signal.aborted && !lost.has(component); attempt++) {
      await clock.sleep(backoffMs(RESTART, attempt), signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await trainer.start();
        onChange();
        return;
      } catch (thrown) {
        if (!signal.aborted) report(component, thrown);
      }
    }
  }

  function report(component: string, thrown: unknown): void {
    const error = asUncoupleError(thrown);
    log.error({ component, error }, `the trainer of ${component} cannot start: ${error.message}; trying again`);
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all([...[...trainers.values()].map((trainer) => trainer.stop()), ...background]);
  }

  return {
    async start() {
      const all = [...trainers];
      const outcomes = await Promise.allSettled(all.map(([, trainer]) => trainer.start()));
      isStarted = true;
      if (outcomes.every(({ status }) => status === "rejected")) throw (outcomes[0] as PromiseRejectedResult).reason;
      for (const [index, [component, trainer]] of all.entries()) {
        const outcome = outcomes[index];
        if (outcome?.status !== "rejected" || signal.aborted) continue;
        report(component, outcome.reason);
        background.push(retry(component, trainer));
      }
      onChange();
    },
    started: () => isStarted,
    ready: () => [...trainers.values()].some((trainer) => trainer.ready()),
    checks: Object.fromEntries([...trainers].map(([component, trainer]) => [component, () => trainer.problem()])),
    lose(component, error) {
      lost.add(component);
      if (lost.size === trainers.size) return deps.onLost(error);
      log.error({ component, error }, `${error.message}; ${component} is stopped until this trainer is restarted`);
      const trainer = trainers.get(component);
      const ending = trainer?.stop().catch((thrown: unknown) => {
        log.error({ component, error: thrown }, `stopping ${component}: ${asUncoupleError(thrown).message}`);
      });
      if (ending !== undefined) background.push(ending);
      onChange();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}
