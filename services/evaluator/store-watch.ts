import { restartForever } from "../common/async/restart-forever.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { Backplane } from "../registry/backplane.ts";
import { FILLING_UP, fullness, spaceText } from "../registry/usage.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

const INTERVAL_MS = 60_000;

export interface StoreWatchDeps {
  readonly backplane: Pick<Backplane, "usage">;
  /** Whether the server syncs before it acknowledges; undefined if it does not say. Asked only where it is given. */
  readonly syncsAlways?: (() => Promise<boolean | undefined>) | undefined;
  readonly metrics: Pick<EvaluatorMetrics, "stored" | "synced">;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What fills up, and what to do about it. */
const STORES: Readonly<Record<"models" | "server", { readonly name: string; readonly advice: string }>> = {
  models: {
    name: "the model store",
    advice: "raise --max-store-bytes, or delete old models with uncouple gc or `retention:`",
  },
  server: {
    name: "the NATS server's storage",
    advice: "raise max_file of its jetstream configuration, or the limit of the account",
  },
};

/** Every minute, until the signal aborts, measures how full the stores are, and warns when one crosses 80 %. */
export function watchStores(deps: StoreWatchDeps, signal: AbortSignal): Promise<void> {
  const { backplane, metrics, clock, log } = deps;
  const filling = new Set<keyof typeof STORES>();
  const onError: (error: Parameters<FailureReporter>[1]) => void = (error) =>
    deps.reportFailure("measuring the stores", error);
  const measure = async () => {
    const usage = await backplane.usage();
    metrics.stored(usage);
    metrics.synced(await deps.syncsAlways?.());
    for (const store of ["models", "server"] as const) {
      const space = usage[store];
      if (fullness(space) < FILLING_UP) filling.delete(store);
      else if (!filling.has(store)) {
        filling.add(store);
        const { name, advice } = STORES[store];
        log.warn({ store, ...space }, `${name} fills up: ${spaceText(space)}; ${advice}`);
      }
    }
  };
  return restartForever({ clock, signal, onError }, async () => {
    for (;;) {
      await measure();
      await clock.sleep(INTERVAL_MS, signal);
    }
  });
}
