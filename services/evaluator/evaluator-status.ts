import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import type { WorkQueue } from "../registry/backplane.ts";
import type { Registry } from "../registry/registry.ts";
import type { EvaluatorStatus } from "../rpc/services/evaluator-service.ts";
import type { EvaluatorLoop } from "./evaluator-loop.ts";
import type { EvaluatorMatrix } from "./evaluator-matrix.ts";
import type { EvaluatorGeneration } from "./held-out-generation.ts";

export interface EvaluatorStatusDeps extends Pick<EvaluatorStatus, "pipeline" | "evaluator" | "rows" | "version"> {
  readonly loop: Pick<EvaluatorLoop, "state">;
  readonly queue: Pick<WorkQueue, "pending">;
  readonly registry: Pick<Registry, "unreadable">;
  readonly matrix: Pick<EvaluatorMatrix, "current" | "gaps">;
  readonly gate: Pick<PipelineGate, "digest" | "applied">;
  readonly generation: Pick<EvaluatorGeneration, "current">;
  readonly questions: Pick<QuestionCount, "of">;
  readonly horizon: number | null;
}

/** The state of this evaluator and of the pipeline it judges. */
export async function evaluatorStatus(deps: EvaluatorStatusDeps): Promise<EvaluatorStatus> {
  const { pipeline, evaluator, rows, version, loop, queue, registry, matrix, gate } = deps;
  const { composition: current, loss } = await matrix.current();
  const [pending, unreadable, measured] = await Promise.all([queue.pending(), registry.unreadable(), matrix.gaps()]);
  const files = { pipelineDigest: gate.digest, appliedDigest: gate.applied() };
  const heldOut = heldOutStatus(deps);
  const state = loop.state();
  const gaps = measured?.gaps ?? [];
  return { pipeline, evaluator, state, pending, rows, current, loss, gaps, unreadable, ...files, version, heldOut };
}

function heldOutStatus({ generation, questions, horizon }: EvaluatorStatusDeps): EvaluatorStatus["heldOut"] {
  const current = generation.current();
  if (current === undefined) return null;
  const { generation: number, startedAt } = current;
  return { generation: number, startedAt, questions: questions.of(number), horizon };
}
