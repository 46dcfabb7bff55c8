import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createPipelineGate, type PipelineGate } from "../../services/composition/pipeline-gate.ts";
import { createPipelineView, type PipelineView } from "../../services/composition/pipeline-view.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import { runningEngine } from "../../services/engine/interface/running-engine.ts";
import type {
  ComponentTraining,
  TrainedComponent,
  TrainingBackend,
} from "../../services/learning/component/training-backend.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../services/learning/training/training-progress.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { TeamConfig } from "../../services/pipeline/team.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import type { Registry } from "../../services/registry/registry.ts";
import { createExecuteRun, type ExecuteDeps } from "../../services/trainer/runs/execute-run.ts";
import { createRunQueue, type RunQueue } from "../../services/trainer/runs/run-queue.ts";
import { createRunSlots } from "../../services/trainer/runs/run-slots.ts";
import { createRunStore, type RunStore } from "../../services/trainer/runs/run-store.ts";
import type { NewRun } from "../../services/trainer/runs/stored-run.ts";
import type { LoadedData } from "../../services/trainer/runs/training-data.ts";
import { noRunTracking } from "../../services/trainer/tracking/run-tracking.ts";
import { draft, model, verdict } from "./drafts.ts";
import { tableOf } from "./linear-pipelines.ts";
import { silentLog } from "./log.ts";
import { team } from "./teams.ts";

/** m1 reads x1 and predicts z; m2 reads x2 and z and predicts y. */
export const benchPipeline: Pipeline = {
  name: "demo",
  components: [
    {
      name: "m1",
      columns: ["x1"],
      upstream: [],
      output: { name: "z", width: 1, meaning: "real" },
      loss: "mse",
      target: "z",
    },
    {
      name: "m2",
      columns: ["x2"],
      upstream: ["m1"],
      output: { name: "y", width: 1, meaning: "scalar" },
      loss: "mse",
      target: "y",
    },
  ],
  objective: "m2",
  data: { source: "synthetic", generator: "two-stage", seed: 1, rows: 100, testFraction: 0.5 },
};

/**
 * A training that a test controls step by step. Its state and its model's bytes are the numbers of all steps completed
 * since step 0, so that a resume that repeats or skips a step is visible.
 *
 * @param numerics its numerics class; default: that of its engine on this machine
 */
export function fakeTraining(step: (at: number) => Promise<void> = async () => {}, numerics?: string) {
  const trainings: ComponentTraining[] = [];
  const train = async (training: ComponentTraining): Promise<TrainedComponent> => {
    trainings.push(training);
    const engine = runningEngine(training.engine.name, training.engine.reason);
    const running = { ...engine, numerics: numerics ?? engine.numerics };
    await training.onStart?.(running);
    const { steps } = training.team;
    let done = training.resume?.step ?? 0;
    let history = [...(training.resume?.state.history?.values ?? [])];
    while (done < steps) {
      training.signal?.throwIfAborted();
      await step(done);
      done += 1;
      history = [...history, done];
      const at = done;
      const values = Float32Array.from(history);
      const checkpoint: TrainingCheckpoint = {
        step: at,
        state: { history: { shape: [values.length], values } },
        recentLosses: [1 / at],
      };
      const progress: TrainingProgress = {
        step: at,
        steps,
        losses: Float32Array.of(1 / at),
        loss: 1 / at,
        learningRate: 0.1,
        stepsPerSecond: 100,
        checkpoint: async () => checkpoint,
      };
      await training.onProgress?.(progress);
    }
    return {
      bytes: Uint8Array.from(history),
      opset: 17,
      inputs: [],
      output: { name: "y", kind: "numeric", width: 1 },
      model: "linear",
      loss: 1 / steps,
      engine: running.name,
      numerics: running.numerics,
    };
  };
  return { train, trainings };
}

export interface TrainerBench {
  readonly backplane: Backplane;
  readonly store: RunStore;
  /** The state folder. */
  readonly folder: string;
  /** The data that runs load; a test may change it between runs. */
  data: LoadedData;
  /** Snapshots loaded, as `m1@3`. */
  readonly loaded: string[];
  /** Follows the backplane. */
  readonly view: PipelineView;
  readonly pipelineGate: PipelineGate;
  /** Publishes a snapshot of a component, as another process would, and judges it. */
  publish(component: string): Promise<SnapshotManifest>;
  /** The bytes of a snapshot of m2. */
  bytesOf(serial: number): Promise<Uint8Array>;
  /** The bench's backplane with some registry calls replaced. */
  registryWith(change: Partial<Registry>): Pick<ExecuteDeps, "backplane">;
  /** Starts a trainer's queue that executes runs with the given training. A second call simulates a restart. */
  queue(
    train: TrainingBackend["train"],
    change?: Partial<ExecuteDeps> & {
      component?: string;
      unavailableSeconds?: number;
      waitForVerdictSeconds?: number;
      /** Defaults to `benchPipeline`. */
      pipeline?: Pipeline;
    },
  ): Promise<RunQueue>;
  close(): Promise<void>;
}

export async function openTrainerBench(clock: Clock = systemClock): Promise<TrainerBench> {
  const folder = await mkdtemp(join(tmpdir(), "uncouple-bench-"));
  const backplane = createMemoryBackplane("demo", { clock });
  const view = createPipelineView({
    backplane,
    clock,
    onError(what, error) {
      throw new Error(`${what}: ${error.message}`);
    },
  });
  const { pipelines } = backplane;
  const pipelineGate = createPipelineGate(benchPipeline, "demo.yaml", { pipelines, clock, onError: () => {} });
  const leaving = new AbortController();
  const followingFile = pipelineGate.follow(leaving.signal, () => {});
  const following = view.follow(leaving.signal);
  const store = createRunStore(folder, silentLog);
  const loaded: string[] = [];
  const queues: RunQueue[] = [];
  const engine: Engine = {
    name: "reference",
    reason: "selected",
    clock,
    prepare: () => Promise.reject(new Error("no test trains on it")),
  };
  const bench: TrainerBench = {
    backplane,
    view,
    pipelineGate,
    store,
    folder,
    loaded,
    async publish(component) {
      const manifest = await backplane.registry.publish(draft({ component }), model(1), "any");
      await backplane.verdicts.append(verdict(component, manifest.serial));
      return manifest;
    },
    bytesOf: async (serial) => backplane.registry.bytes(await backplane.registry.manifest("m2", serial)),
    registryWith: (change) => ({ backplane: { ...backplane, registry: { ...backplane.registry, ...change } } }),
    data: {
      training: {
        table: tableOf({ x1: [1, 2, 3, 4], x2: [4, 3, 2, 1] }),
        bad: { total: 4, bad: 0, examples: [] },
        fingerprint: "rows-1",
      },
      schema: [],
      oracle: undefined,
    },
    async queue(
      train,
      {
        component = "m2",
        unavailableSeconds = 60,
        waitForVerdictSeconds = 60,
        pipeline = benchPipeline,
        ...change
      } = {},
    ) {
      const execute = createExecuteRun(
        {
          pipeline,
          component,
          holder: component,
          cotrains: false,
          codeVersion: "0.0.0",
          checkpointSeconds: 0,
          unavailableSeconds,
          waitForVerdictSeconds,
        },
        {
          backplane,
          view,
          gate: pipelineGate,
          store,
          data: { use: async (_signal, work) => work(bench.data) },
          engine: async () => engine,
          testModel: async () => [],
          measureFit: async () => ({ rows: 4, loss: 0.5, outputs: [], slices: [], worst: [] }),
          slots: createRunSlots(1),
          training: { train },
          load: async (name, serial): Promise<SnapshotModel> => {
            loaded.push(`${name}@${serial}`);
            return { predict: async () => new Float32Array(4), dispose: async () => {} };
          },
          metrics: { started: () => {}, trained: () => {}, published: () => {}, checkpointed: () => {} },
          tracking: noRunTracking,
          onEngine: () => {},
          clock,
          log: silentLog,
          ...change,
        },
      );
      const queue = createRunQueue(
        { component, capacity: 8, retained: 100 },
        { store, execute, clock, log: silentLog },
      );
      queues.push(queue);
      await queue.start();
      return queue;
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.stop()));
      leaving.abort();
      await Promise.all([following, followingFile]);
      await backplane.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

/** A request for a run of five steps. */
export function request(change: Partial<TeamConfig> = {}): NewRun {
  return { trigger: "request", team: team({ steps: 5, ...change }) };
}

const never = new AbortController().signal;

/** Waits for the run to end. @returns its final state */
export async function ended(queue: RunQueue, id: string): Promise<Run> {
  let last: Run | undefined;
  for await (const run of queue.watch(id, never)) last = run;
  return last as Run;
}

/** Waits until the run satisfies a condition. */
export async function until(queue: RunQueue, id: string, holds: (run: Run) => boolean): Promise<Run> {
  for await (const run of queue.watch(id, never)) if (holds(run)) return run;
  throw new Error(`run ${id} ended without satisfying the condition`);
}

/** A gate that blocks until it is opened. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
