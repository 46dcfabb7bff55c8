import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Retention } from "../../registry/retention.ts";
import type { Logger } from "../../runtime/logs.ts";
import { retryWhileUnavailable } from "./retry-while-unavailable.ts";

/** Far more often than pins end by themselves. */
const RENEW_MS = 6 * 3_600_000;

export interface RunPinsDeps {
  readonly component: string;
  readonly retention: Pick<Retention, "pin" | "release">;
  /** How long the registry may be unavailable before a pin is left to end by itself. */
  readonly unavailableSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the models that a run trains with from being deleted. An interrupted run keeps its pin, to be resumed. */
export interface RunPins {
  /** @throws DeletedError if one of them was deleted: nothing is pinned */
  pin(run: string, snapshots: ResolvedSnapshots): Promise<void>;
  /** Renews the pin of the run in the background, if it is due. Called whenever the training makes progress. */
  renew(run: string, snapshots: ResolvedSnapshots): void;
  /** Ends the pin of a run that has ended, in the background. */
  release(run: string, signal: AbortSignal): void;
}

export function createRunPins({ component, retention, unavailableSeconds, clock, log }: RunPinsDeps): RunPins {
  let pinnedAt = 0;
  let renewing: Promise<void> = Promise.resolve();
  const pin = async (run: string, { upstream, parent }: ResolvedSnapshots) => {
    pinnedAt = clock.elapsed();
    const pinned = parent === null ? upstream : { ...upstream, [component]: parent };
    if (Object.keys(pinned).length > 0) await retention.pin(run, pinned, component);
  };
  return {
    pin,
    renew(run, snapshots) {
      if (clock.elapsed() - pinnedAt < RENEW_MS) return;
      renewing = pin(run, snapshots).catch((thrown: unknown) => {
        log.warn({ run, error: thrown }, `cannot renew the pins of run ${run}: ${asUncoupleError(thrown).message}`);
      });
    },
    release(run, signal) {
      const settings = { seconds: unavailableSeconds, signal, clock, log };
      const attempt = async () => {
        // A renewal that is under way would pin them again.
        await renewing;
        await retention.release(run);
      };
      attempt()
        .catch(() => retryWhileUnavailable(`releasing the pins of run ${run}`, settings, attempt))
        .catch((thrown: unknown) => {
          if (signal.aborted) return;
          const { message } = asUncoupleError(thrown);
          log.warn({ run, error: thrown }, `the pins of run ${run} end by themselves: ${message}`);
        });
    },
  };
}
