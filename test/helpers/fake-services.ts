import { UncoupleError } from "../../services/common/errors.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { Verdict } from "../../services/pipeline/verdict.ts";
import type { EvaluatorService } from "../../services/rpc/services/evaluator-service.ts";
import type { TrainerService } from "../../services/rpc/services/trainer-service.ts";

const refuse = () => Promise.reject(new UncoupleError("failed-precondition", "not part of this test"));

async function* refuseStream(): AsyncGenerator<never> {
  yield await refuse();
}

/** A trainer that refuses every call that the test does not give. */
export function fakeTrainer(offered: Partial<TrainerService>): TrainerService {
  return {
    startRun: refuse,
    watchRun: refuseStream,
    cancelRun: refuse,
    listRuns: refuse,
    getRun: refuse,
    runReport: refuse,
    status: refuse,
    predict: refuse,
    readSnapshot: refuse,
    ...offered,
  };
}

/** An evaluator that refuses every call that the test does not give. */
export function fakeEvaluator(offered: Partial<EvaluatorService>): EvaluatorService {
  return {
    listVerdicts: refuse,
    watchVerdicts: refuseStream,
    matrix: refuse,
    listQuarantines: refuse,
    status: refuse,
    ...offered,
  };
}

export const someRun: Run = {
  id: "r1",
  component: "m2",
  state: "running",
  trigger: "request",
  protocol: { name: "proximal", parameters: { sigma: 0.15, mode: "output" } },
  step: 10,
  steps: 100,
  loss: 0.5,
  learningRate: 0.001,
  stepsPerSecond: null,
  etaSeconds: null,
  upstream: { m1: 3 },
  snapshot: null,
  waitingFor: null,
  error: null,
  warnings: [],
  queuedAt: "2024-01-01T00:00:00.000Z",
  startedAt: "2024-01-01T00:00:01.000Z",
  finishedAt: null,
};

export const someVerdict: Verdict = {
  version: 2,
  method: "paired-bootstrap",
  level: 0.95,
  pipelineDigest: null,
  pipeline: "demo",
  component: "m1",
  serial: 2,
  kind: "self-defeating",
  componentLoss: { current: 1, candidate: 0.5 },
  componentInterval: [-0.6, -0.4],
  comparison: {
    current: { m1: 1, m2: 1 },
    candidate: { m1: 2, m2: 1 },
    currentLoss: 1,
    candidateLoss: 2,
    difference: 1,
    interval: [0.5, 1.5],
    kind: "self-defeating",
  },
  alternatives: [],
  rows: 1000,
  evaluator: "e1",
  seconds: 0.25,
  judgedAt: "2024-01-01T00:00:00.000Z",
};
