import type { Worker } from "node:worker_threads";
import { UncoupleError } from "../../common/errors.ts";
import { startThread } from "../../common/processes/entry-point.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { Part, PartRunner } from "./part-runner.ts";
import type { PartAnswer, PartRequest } from "./thread-messages.ts";

/** Runs parts in threads of their own, at most `count` at a time. */
export function startPartThreads(scenario: Scenario, count: number): PartRunner {
  const threads = Array.from({ length: count }, () => startThread({ module: "./main", from: import.meta.url }));
  const idle = [...threads];
  /** The seed whose world a thread has. */
  const seeds = new Map<Worker, number>();

  function take({ seed }: Part): Worker {
    const known = idle.findIndex((thread) => seeds.get(thread) === seed);
    const [thread] = idle.splice(Math.max(0, known), 1);
    if (thread === undefined) throw new UncoupleError("internal", "more parts than threads");
    seeds.set(thread, seed);
    return thread;
  }

  return {
    async run(part, signal, onTick) {
      const thread = take(part);
      const run = await ask(thread, { kind: "run", scenario, part }, signal, onTick);
      idle.push(thread);
      return run;
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}

function ask(
  thread: Worker,
  request: PartRequest,
  signal: AbortSignal,
  onTick: (tick: number) => void,
): Promise<PolicyRun> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      thread.off("message", onMessage).off("error", onError).off("exit", onExit);
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onMessage = (answer: PartAnswer) => {
      if (answer.kind === "tick") onTick(answer.tick);
      else if (answer.kind === "done") settle(() => resolve(answer.run));
      else settle(() => reject(new UncoupleError(answer.code, answer.message)));
    };
    const onError = (cause: Error) =>
      settle(() =>
        reject(new UncoupleError("internal", `a thread of the simulation failed: ${cause.message}`, { cause })),
      );
    const onExit = (code: number) =>
      settle(() => reject(new UncoupleError("internal", `a thread of the simulation ended with code ${code}`)));
    const onAbort = () => settle(() => reject(signal.reason));
    thread.on("message", onMessage).on("error", onError).on("exit", onExit);
    signal.addEventListener("abort", onAbort, { once: true });
    thread.postMessage(request);
  });
}
