import * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";

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
  /** As `run`, but what `work` creates lives until `close`: for building programs. */
  open<T>(work: () => T): T;
  /** Disposes what `open` made, variables included. */
  close(): void;
}

/** The fields of tfjs's engine that a sandbox exchanges. */
interface EngineState {
  registeredVariables: Record<string, tf.Variable>;
  readonly activeScope: { readonly track: readonly tf.Tensor[] };
}

export function createTfjsSandbox(ownBackend: string): TfjsSandbox {
  let variables: Record<string, tf.Variable> = {};
  const held: tf.Tensor[] = [];
  const inside = <T>(work: () => T, backend: string): T => {
    const state = tf.engine().state as unknown as EngineState;
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
  const scoped = <T>(work: () => T, backend: string): T =>
    inside(() => {
      tf.engine().startScope();
      try {
        return work();
      } finally {
        tf.engine().endScope();
      }
    }, backend);
  return {
    run: (work, backend = ownBackend) => scoped(work, backend),
    open: (work) =>
      scoped(() => {
        try {
          return work();
        } finally {
          const { track } = (tf.engine().state as unknown as EngineState).activeScope;
          for (const tensor of track) held.push(tf.keep(tensor));
        }
      }, ownBackend),
    close: () =>
      inside(() => {
        tf.dispose(held.splice(0));
        tf.dispose(Object.values(variables));
      }, ownBackend),
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
