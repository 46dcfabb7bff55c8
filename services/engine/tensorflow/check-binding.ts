import type { Clock } from "../../common/clock/clock.ts";
import { startProcess } from "../../common/processes/entry-point.ts";
import type { TensorflowBinding } from "./load-tensorflow.ts";

export type CheckResult = { readonly works: TensorflowBinding } | { readonly fails: string };

/** Loading a library of a gigabyte from a slow disk takes a while, and so does a GPU's first start. */
const TIMEOUT_MS = 180_000;

/**
 * Loads the binding and trains with it, in a child process, because a binding that does not fit may end the process.
 *
 * @param from URL of the module that the packages are resolved from
 */
export function checkBinding(from: string, clock: Clock, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const child = startProcess({ module: "./check/main", from: import.meta.url }, { args: [from] });
    let lastLine = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lastLine = text.trim().split("\n").at(-1) || lastLine;
    });
    const stop = () => child.kill("SIGKILL");
    const timer = clock.after(TIMEOUT_MS, () => {
      resolve({ fails: `it did not train a step within ${TIMEOUT_MS / 1000} s` });
      stop();
    });
    signal.addEventListener("abort", stop);
    child.once("message", (result: CheckResult) => resolve(result));
    child.once("error", (error) => resolve({ fails: error.message }));
    child.once("close", (code, by) => {
      timer.cancel();
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve({ fails: `loading it ended the process (${by ?? `code ${code}`}). ${lastLine}` });
    });
  });
}
