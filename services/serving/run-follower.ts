import { backoffMs } from "../common/async/retry.ts";
import type { Clock } from "../common/clock/clock.ts";
import { secondsSince } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { lockFolder, type ProcessTable } from "../common/files/folder-lock.ts";
import type { Backplane } from "../registry/backplane.ts";
import { serveHealthHttp } from "../runtime/http.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Logger } from "../runtime/logs.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import type { StartupWait } from "../runtime/startup-wait.ts";
import { createFollower, type Follower } from "./follower.ts";
import { createFollowerMetrics } from "./follower-metrics.ts";
import { openReleaseFolders } from "./release-folders.ts";
import { runReload } from "./reload-command.ts";

export interface RunFollowerOptions {
  readonly pipeline: string;
  /** Absolute path of the folder to write releases to. */
  readonly into: string;
  /** A line for `/bin/sh -c` after every swap; undefined: what is linked is served. */
  readonly exec?: string | undefined;
  readonly execTimeoutSeconds: number;
  /** The environment of the command. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of its reports in the ledger; undefined: it makes none. */
  readonly name?: string | undefined;
  readonly keep: number;
  /** Ends after the newest release is served; undefined: follows. */
  readonly once?: { readonly limitSeconds: number } | undefined;
  /** Serves `/metrics`, `/livez` and `/readyz`; port 0 picks a free one. Nowhere if not set. */
  readonly http?: { readonly host: string; readonly port: number } | undefined;
}

export interface RunFollowerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly processes: ProcessTable;
  killGroup(pid: number): void;
  connect(wait: StartupWait): Promise<Backplane>;
}

export interface RunningFollower {
  readonly lifecycle: Lifecycle;
  readonly httpPort: number | undefined;
  stop(): Promise<void>;
}

/** How long a stop waits for the command, and each release of a resource. */
const GRACE_SECONDS = 10;
const FORCE_SECONDS = 5;
const ONCE_RETRY = { firstDelayMs: 500, longestDelayMs: 5_000 };

/** Upper bound on the duration of a stop, for the caller's forced-exit timer. */
export const LONGEST_STOP_SECONDS = GRACE_SECONDS + 4 * FORCE_SECONDS;

/**
 * Follows the releases of a pipeline into a folder. All that it must remember is in that folder, and it may be killed at any
 * time. With `once`, the lifecycle ends when the newest release is served, or fails with what prevented it after the limit.
 *
 * @throws UncoupleError `conflict` if another process follows into the folder; `invalid-argument`, `resource-exhausted` or
 *   `failed-precondition` if the folder, the name or the port cannot be used; as `connect`
 */
export async function runFollower(options: RunFollowerOptions, deps: RunFollowerDeps): Promise<RunningFollower> {
  const { into, exec, name, once } = options;
  const { clock, log } = deps;
  const lifecycle = createLifecycle({
    name: "follower",
    clock,
    log,
    graceSeconds: GRACE_SECONDS,
    forceSeconds: FORCE_SECONDS,
  });
  let httpPort: number | undefined;

  await lifecycle.start(async () => {
    const folders = await openReleaseFolders(into);
    const lock = await lockFolder(into, deps);
    lifecycle.onCleanup("folder", () => lock.release());
    lock.lost.addEventListener("abort", () => lifecycle.fail(lock.lost.reason));

    const { version } = packageInfo();
    const metrics = createMetrics({ service: "follower", pipeline: options.pipeline, version });
    const force = new AbortController();
    let follower: Follower | undefined;
    let backplane: Backplane | undefined;
    let lastError: UncoupleError | undefined;
    const measured = createFollowerMetrics(metrics, {
      released: () => follower?.released(),
      served: () => follower?.served(),
      nats: () => backplane?.connection() ?? "connecting",
    });
    if (options.http !== undefined) {
      const http = await serveHealthHttp({
        ...options.http,
        metrics,
        live: () => undefined,
        // What is served stays served while NATS is away.
        ready: {
          follower: () => (lifecycle.stopping.aborted ? "stopping" : undefined),
          release: () => (follower?.served() === undefined ? "none is served" : undefined),
        },
      });
      lifecycle.onCleanup("http", () => http.close());
      httpPort = http.port;
    }

    backplane = await deps.connect({ signal: lifecycle.stopping, waiting: () => {} });
    lifecycle.onCleanup("backplane", () => backplane?.close());
    const following = await createFollower({
      ...{ backplane, folders, dir: into, clock, name, keep: options.keep },
      async reload(release, folder) {
        if (exec === undefined) return;
        const { env, execTimeoutSeconds: timeoutSeconds } = options;
        const variables = { UNCOUPLE_RELEASE: String(release), UNCOUPLE_RELEASE_DIR: folder };
        await runReload({ line: exec, env, timeoutSeconds, clock, killGroup: deps.killGroup }, variables, force.signal);
      },
      onInstalled: ({ number, composition }) => log.info({ composition }, `release ${number} is linked`),
      onServed: (release) => log.info({ release }, `release ${release} is served`),
      onError(step, error) {
        lastError = error;
        measured.failed(step);
        log.warn({ step, error }, `${step} failed, and is tried again: ${error.message}`);
      },
    });
    follower = following;
    log.info(`following the releases of ${options.pipeline} into ${into}`);

    const work = once === undefined ? following.follow(lifecycle.stopping) : followOnce(following, once.limitSeconds);
    work.catch((thrown: unknown) => lifecycle.fail(thrown));
    lifecycle.onDrain("the release in work", async (forced) => {
      forced.addEventListener("abort", () => force.abort(forced.reason));
      await work.catch(() => {});
    });

    async function followOnce(one: Follower, limitSeconds: number): Promise<void> {
      const start = clock.elapsed();
      const { stopping } = lifecycle;
      for (let attempt = 1; ; attempt++) {
        const progress = await one.advance(stopping).catch(() => "done");
        if (progress === "done") break;
        if (limitSeconds > 0 && secondsSince(clock, start) >= limitSeconds) {
          if (progress === "failed" && lastError !== undefined) throw lastError;
          throw new UncoupleError("deadline-exceeded", `there is no release yet, after ${limitSeconds} s`);
        }
        await clock.sleep(backoffMs(ONCE_RETRY, attempt), stopping).catch(() => {});
      }
      // Not awaited: a stop waits for this work.
      void lifecycle.stop().catch(() => {});
    }
  });
  return { lifecycle, httpPort, stop: () => lifecycle.stop() };
}
