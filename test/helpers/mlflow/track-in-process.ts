import { vi } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createMlflowClient, type MlflowClient } from "../../../services/tracking/mlflow-client.ts";
import { createMlflowRequests, type MlflowRequests } from "../../../services/tracking/mlflow-requests.ts";
import { createRunLog, type RunLog } from "../../../services/tracking/run-log.ts";
import { createTrackingQueue, type TrackingQueue } from "../../../services/tracking/tracking-queue.ts";

/** What a service tracks with, in virtual time. */
export interface InProcessTracking {
  readonly clock: VirtualClock;
  readonly requests: MlflowRequests;
  readonly client: MlflowClient;
  readonly log: RunLog;
  readonly queue: TrackingQueue;
  readonly warnings: readonly string[];
  dropped(): number;
  /** Lets time pass until a check holds. */
  until(check: () => void): Promise<void>;
  /** Lets time pass until nothing is left to log. */
  idle(): Promise<void>;
}

/** @param url of a server at which the experiment is `ads` */
export function trackInProcess(url: string): InProcessTracking {
  const clock = createVirtualClock(Date.parse("2026-01-01T00:00:00Z"));
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  let dropped = 0;
  const queue = createTrackingQueue({
    clock,
    warn,
    onDropped(count) {
      dropped += count;
    },
  });
  // Real requests take no virtual time: it would time them out.
  let inFlight = 0;
  const counted = <T>(request: Promise<T>): Promise<T> => {
    inFlight++;
    return request.finally(() => inFlight--);
  };
  const real = createMlflowRequests({ url, authorization: "Bearer canary" }, clock);
  const requests: MlflowRequests = {
    call: (...args) => counted(real.call(...args)),
    putArtifact: (...args) => counted(real.putArtifact(...args)),
  };
  const client = createMlflowClient(requests);
  const until = (check: () => void) =>
    vi.waitFor(
      async () => {
        if (inFlight === 0) await clock.next();
        check();
      },
      { timeout: 10_000, interval: 1 },
    );
  return {
    clock,
    requests,
    client,
    log: createRunLog({ experiment: "ads", client, warn }),
    queue,
    warnings,
    dropped: () => dropped,
    until,
    idle: () =>
      until(() => {
        if (queue.size() > 0) throw new Error("something is left to log");
      }),
  };
}
