import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import type { WorkQueue } from "../registry/backplane.ts";
import type { Registry } from "../registry/registry.ts";
import type { LedgerState } from "../releases/ledger-state.ts";
import type { EvaluatorStatus } from "../rpc/services/evaluator-service.ts";
import type { EvaluatorLoop } from "./evaluator-loop.ts";
import type { EvaluatorMatrix } from "./evaluator-matrix.ts";
import type { Gating } from "./gating/gating.ts";
import type { EvaluatorGeneration } from "./held-out-generation.ts";

export interface EvaluatorStatusDeps extends Pick<EvaluatorStatus, "pipeline" | "evaluator" | "rows" | "version"> {
  readonly loop: Pick<EvaluatorLoop, "state">;
  readonly queue: Pick<WorkQueue, "pending">;
  readonly registry: Pick<Registry, "unreadable">;
  readonly matrix: Pick<EvaluatorMatrix, "current" | "gaps">;
  readonly applied: Pick<PipelineGate, "digest" | "applied">;
  readonly generation: Pick<EvaluatorGeneration, "current">;
  readonly questions: Pick<QuestionCount, "of">;
  readonly horizon: number | null;
  readonly releases: Pick<LedgerState, "release">;
  /** Undefined without a gate. */
  readonly gating: Pick<Gating, "status"> | undefined;
}

/** The state of this evaluator and of the pipeline it judges. */
export async function evaluatorStatus(deps: EvaluatorStatusDeps): Promise<EvaluatorStatus> {
  const { pipeline, evaluator, rows, version, loop, queue, registry, matrix } = deps;
  const { composition: current, loss } = await matrix.current();
  const [pending, unreadable, measured] = await Promise.all([queue.pending(), registry.unreadable(), matrix.gaps()]);
  const files = { pipelineDigest: deps.applied.digest, appliedDigest: deps.applied.applied() };
  const heldOut = heldOutStatus(deps);
  const state = loop.state();
  const gaps = measured?.gaps ?? [];
  const release = deps.releases.release()?.number ?? null;
  const gate = deps.gating?.status() ?? null;
  const now = { state, pending, current, loss, gaps, unreadable, heldOut, release, gate };
  return { pipeline, evaluator, rows, ...files, version, ...now };
}

function heldOutStatus({ generation, questions, horizon }: EvaluatorStatusDeps): EvaluatorStatus["heldOut"] {
  const current = generation.current();
  if (current === undefined) return null;
  const { generation: number, startedAt } = current;
  return { generation: number, startedAt, questions: questions.of(number), horizon };
}
