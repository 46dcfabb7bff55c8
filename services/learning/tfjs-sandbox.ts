import * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../pipeline/errors.ts";

// Training on the slow backend is what the reference engine is for: no banner about it.
tf.env().set("PROD", true);

/**
 * A private corner of tfjs's global engine: a backend and a table of variable names of its own, so that programs with
 * equal variable names, on different backends, can live side by side in one process.
 */
export interface TfjsSandbox {
  readonly backend: string;
  /**
   * Runs `work` with tfjs switched to this sandbox, and restores what was there. Tensors that `work` creates are
   * disposed at its end, unless they are variables or were kept. `work` must not be asynchronous.
   */
  run<T>(work: () => T): T;
}

/** @throws UncoupleError `failed-precondition` when tfjs has no such backend or it cannot start synchronously */
export function createTfjsSandbox(backend: string): TfjsSandbox {
  let variables: tf.NamedTensorMap = {};
  return {
    backend,
    run(work) {
      const state = tf.engine().state as { registeredVariables: tf.NamedTensorMap };
      const outerBackend = tf.getBackend();
      const outerVariables = state.registeredVariables;
      switchBackend(backend);
      state.registeredVariables = variables;
      tf.engine().startScope();
      try {
        return work();
      } finally {
        tf.engine().endScope();
        variables = state.registeredVariables;
        state.registeredVariables = outerVariables;
        if (outerBackend !== undefined && outerBackend !== backend) switchBackend(outerBackend);
      }
    },
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
