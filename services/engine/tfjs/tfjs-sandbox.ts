import type * as Tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import { tf } from "./tf.ts";

// The reference engine trains on the slow backend on purpose: suppress tfjs's banner about it.
tf.env().set("PROD", true);

/**
 * An isolated part of tfjs's global engine, with its own backend and table of variable names, so that programs with equal
 * variable names on different backends can coexist in one process.
 */
export interface TfjsSandbox {
  /**
   * Runs `work` with tfjs switched to this sandbox, then restores the previous state. Disposes tensors that `work` creates,
   * except variables and kept tensors. `work` must be synchronous.
   *
   * @param backend overrides the tfjs backend for this call, with the same variables
   * @throws UncoupleError `failed-precondition` if the backend cannot start
   */
  run<T>(work: () => T, backend?: string): T;
  /** Like `run`, but keeps what `work` creates until `close`. For building programs. */
  open<T>(work: () => T): T;
  /** Disposes everything created by `open`, including variables. */
  close(): void;
}

/** The fields of tfjs's engine that a sandbox exchanges. */
interface EngineState {
  registeredVariables: Record<string, Tf.Variable>;
  readonly activeScope: { readonly track: readonly Tf.Tensor[] };
}

export function createTfjsSandbox(ownBackend: string): TfjsSandbox {
  let variables: Record<string, Tf.Variable> = {};
  const held: Tf.Tensor[] = [];
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

/** The fields of tfjs's engine that `setBackend` changes. */
interface EngineBackend {
  readonly registry: Readonly<Record<string, Tf.KernelBackend | undefined>>;
  backendName: string;
  backendInstance: Tf.KernelBackend | null;
}

function switchBackend(name: string): void {
  if (tf.getBackend() === name) return;
  // tfjs goes through all of its kernels whenever the backend is set, which only the first time has an effect.
  const engine = tf.engine() as unknown as EngineBackend;
  const started = engine.registry[name];
  if (started !== undefined) {
    engine.backendName = name;
    engine.backendInstance = started;
    return;
  }
  // The promise settles at once for a backend that is made synchronously, which all of ours are.
  let failure: unknown;
  tf.setBackend(name).catch((thrown: unknown) => {
    failure = thrown;
  });
  if (tf.getBackend() !== name) {
    throw new UncoupleError("failed-precondition", `the tfjs backend ${name} cannot start here`, { cause: failure });
  }
}
