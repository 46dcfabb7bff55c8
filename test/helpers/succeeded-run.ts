import type { Run } from "../../services/pipeline/run.ts";

/** A run that published a snapshot. */
export function succeededRun(name: string, component: string, serial: number, change: Partial<Run> = {}): Run {
  return {
    id: `run-${name}`,
    component,
    state: "succeeded",
    trigger: "request",
    protocol: { name: "async", parameters: {} },
    step: 100,
    steps: 100,
    loss: 0.1,
    learningRate: 0,
    stepsPerSecond: 1,
    etaSeconds: 0,
    upstream: {},
    snapshot: serial,
    waitingFor: null,
    error: null,
    warnings: [],
    queuedAt: "",
    startedAt: null,
    finishedAt: null,
    ...change,
  };
}
