import { parentPort } from "node:worker_threads";
import { systemClock } from "../../common/clock/system-clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { createEngine } from "../../engine/create-engine.ts";
import { createPartRunner, type PartRunner } from "./part-runner.ts";
import type { PartAnswer, PartRequest } from "./thread-messages.ts";

/** A thread that runs parts of one simulation. It is ended from outside. */
const engine = await createEngine("wasm", { clock: systemClock, log: () => {} });
const never = new AbortController().signal;
let runner: PartRunner | undefined;

const answer = (message: PartAnswer) => parentPort?.postMessage(message);

async function run({ scenario, part }: PartRequest): Promise<void> {
  runner ??= createPartRunner(scenario, engine);
  try {
    answer({ kind: "done", run: await runner.run(part, never, (tick) => answer({ kind: "tick", tick })) });
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    answer({ kind: "failed", code, message });
  }
}

parentPort?.on("message", (request: PartRequest) => void run(request));
