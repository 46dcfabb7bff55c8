import { parentPort } from "node:worker_threads";
import { UncoupleError } from "../../common/errors.ts";
import type { ThreadAnswer } from "./engine-thread.ts";

/** Answers the requests of an `EngineThread` on its thread, one at a time and in order. */
export function serveRequests<Request, Result>(answer: (request: Request) => Promise<Result> | Result): void {
  let queue: Promise<void> = Promise.resolve();
  parentPort?.on("message", ({ id, request }: { readonly id: number; readonly request: Request }) => {
    queue = queue.then(async () => {
      let reply: ThreadAnswer<Result>;
      try {
        reply = { id, result: await answer(request) };
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown.message : String(thrown);
        reply = { id, error, ...(thrown instanceof UncoupleError && { code: thrown.code }) };
      }
      parentPort?.postMessage(reply);
    });
  });
}
