import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import { type DeclaredValue, inspectModel } from "../../learning/snapshot/inspection/inspect-model.ts";
import type { QuarantineReason } from "../../pipeline/verdict.ts";
import { modelOfBytes } from "../hosted-model.ts";
import type { Inference } from "../inference.ts";
import { declaredSubjects, type TrialSubject } from "./declared-subjects.ts";

/** What an evaluator would say about a model before it measures anything. */
export interface ModelReport {
  readonly accepted: boolean;
  /** Why a snapshot with this model would be quarantined; null if it is accepted. */
  readonly reason: QuarantineReason | null;
  readonly detail: string | null;
  /** What the model declares; empty if inspection refuses it. */
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
  readonly operators: readonly string[];
}

/**
 * Inspects a model, loads it in a host, and makes the trial calls that an evaluator makes.
 *
 * @param name for messages; @param subject what the model is for; by default, whatever it declares
 * @throws UncoupleError if no host can be started or reached
 */
export async function reportModel(
  name: string,
  bytes: Uint8Array,
  inference: Inference,
  subject?: TrialSubject,
  signal?: AbortSignal,
): Promise<ModelReport> {
  const declared: {
    inputs: readonly DeclaredValue[];
    outputs: readonly DeclaredValue[];
    operators: readonly string[];
  } = {
    inputs: [],
    outputs: [],
    operators: [],
  };
  try {
    const inspected = inspectModel(bytes);
    Object.assign(declared, inspected);
    const subjects = subject === undefined ? declaredSubjects(inspected) : [subject];
    for (const each of subjects) await tryOne(name, bytes, each, inference, signal);
  } catch (thrown) {
    if (!(thrown instanceof ModelFault)) throw thrown;
    return { accepted: false, reason: thrown.reason, detail: thrown.message, ...declared };
  }
  return { accepted: true, reason: null, detail: null, ...declared };
}

async function tryOne(
  name: string,
  bytes: Uint8Array,
  { contract, output, table }: TrialSubject,
  inference: Inference,
  signal: AbortSignal | undefined,
): Promise<void> {
  const model = modelOfBytes(name, bytes, contract);
  const inputs = Object.fromEntries(
    contract.inputs.flatMap((spec) => {
      const column = table.columns[spec.name];
      return column === undefined ? [] : [[spec.name, { column }] as const];
    }),
  );
  await inference.run({ rows: table.rows, stages: [{ model, inputs, output }], wanted: [0], keep: false }, { signal });
}
