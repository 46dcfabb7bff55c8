import * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../pipeline/errors.ts";

// Training on the slow backend is what the reference engine is for: no banner about it.
tf.env().set("PROD", true);

/**
 * A private corner of tfjs's global engine: a backend and a table of variable names of its own, so that programs with
 * equal variable names, on different backends, can live side by side in one process.
 */
export interface TfjsSandbox {
  /**
   * Runs `work` with tfjs switched to this sandbox, and restores what was there. Tensors that `work` creates are
   * disposed at its end, unless they are variables or were kept. `work` must not be asynchronous.
   *
   * @param backend another tfjs backend for this once, with the same variables
   * @throws UncoupleError `failed-precondition` when the backend cannot start
   */
  run<T>(work: () => T, backend?: string): T;
  /** As `run`, but what `work` creates lives until it is disposed: for building programs. */
  open<T>(work: () => T): T;
}

export function createTfjsSandbox(ownBackend: string): TfjsSandbox {
  let variables: tf.NamedTensorMap = {};
  const inside = <T>(work: () => T, backend: string): T => {
    const state = tf.engine().state as { registeredVariables: tf.NamedTensorMap };
    const outerBackend = tf.getBackend();
    const outerVariables = state.registeredVariables;
    switchBackend(backend);
    state.registeredVariables = variables;
    try {
      return work();
    } finally {
      variables = state.registeredVariables;
      state.registeredVariables = outerVariables;
      if (outerBackend !== undefined && outerBackend !== backend) switchBackend(outerBackend);
    }
  };
  return {
    open: (work) => inside(work, ownBackend),
    run: (work, backend = ownBackend) =>
      inside(() => {
        tf.engine().startScope();
        try {
          return work();
        } finally {
          tf.engine().endScope();
        }
      }, backend),
  };
}

function switchBackend(name: string): void {
  if (tf.getBackend() === name) return;
  // The promise settles at once for a backend that is made synchronously, which all of ours are.
  let failure: unknown;
  tf.setBackend(name).catch((thrown: unknown) => {
    failure = thrown;
  });
  if (tf.getBackend() !== name) {
    throw new UncoupleError("failed-precondition", `the tfjs backend ${name} cannot start here`, { cause: failure });
  }
}
