import { yieldToEventLoop } from "../../common/async/yield.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { Lifecycle } from "../../runtime/lifecycle.ts";
import { createLogger, type Logger, type LogLevel } from "../../runtime/logs.ts";
import { stopOnSignals } from "../../runtime/signals.ts";
import type { CliContext } from "../context/context.ts";
import type { ServiceMessage } from "./service-messages.ts";

export interface RunningProcess {
  readonly lifecycle: Lifecycle;
  stop(): Promise<void>;
  /** Called when the process has finished. */
  ended?(): Promise<void>;
}

export interface ForegroundProcess<P extends RunningProcess> {
  /** Of the service, in logs. */
  readonly name: string;
  readonly logLevel: LogLevel;
  /** Must exceed the longest graceful stop. */
  readonly forcedExitSeconds: number;
  start(log: Logger): Promise<P>;
  /** The host:port of its servers, for the parent process. */
  addresses(running: P): { readonly grpc?: string; readonly http?: string };
}

/**
 * Runs a process in the foreground until it ends; SIGTERM and Ctrl-C stop it gracefully. Reports to the parent process
 * when it is ready or why it failed.
 * @throws UncoupleError the failure of the process
 */
export async function runForeground<P extends RunningProcess>(
  context: CliContext,
  started: ForegroundProcess<P>,
): Promise<void> {
  const { clock } = context;
  const { name, logLevel, forcedExitSeconds } = started;
  const notify = (message: ServiceMessage) => context.report?.(message);
  // Until the process has started there is nothing to stop gracefully, so a signal ends it at once. A signal that arrived
  // while the program was loading is delivered when the event loop polls, at the latest after two yields; removing the
  // listener earlier would lose it.
  await yieldToEventLoop();
  await yieldToEventLoop();
  const signals = context.takeSignals();
  try {
    context.interrupted.throwIfAborted();
    const log = createLogger({ service: name, clock, destination: context.stdout, level: logLevel });
    const running = await started.start(log);
    const release = stopOnSignals({ process: signals, clock, log, stop: () => running.stop(), forcedExitSeconds });
    notify({ kind: "ready", ...started.addresses(running) });
    try {
      await running.lifecycle.finished;
    } finally {
      await running.ended?.();
      release();
    }
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    notify({ kind: "failed", code, message });
    throw thrown;
  }
}
