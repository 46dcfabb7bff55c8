import { UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import { checkAskedSnapshots } from "../composition/asked-snapshots.ts";
import type { LoadModel } from "../composition/load-upstream.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { DataSource } from "../data/source/data-source.ts";
import type { SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { TrialId } from "../pipeline/study.ts";
import type { TeamConfig } from "../pipeline/team.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Registry } from "../registry/registry.ts";
import type { Retention } from "../registry/retention.ts";
import type { TrainerService, TrainerStatus } from "../rpc/services/trainer-service.ts";
import { predictionTable } from "./prediction-table.ts";
import type { RunQueue } from "./runs/run-queue.ts";
import { teamOfRequest } from "./runs/run-request.ts";
import type { RunStore } from "./runs/run-store.ts";
import type { TrainerState } from "./trainer-state.ts";

export interface TrainerServiceDeps {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** The folder that module paths of team files in requests are relative to. */
  readonly teamFolder: string;
  readonly codeVersion: string;
  readonly registry: Registry;
  readonly gate: Pick<PipelineGate, "digest" | "applied" | "refusal">;
  readonly queue: RunQueue;
  readonly store: Pick<RunStore, "loadReport">;
  readonly retention: Pick<Retention, "tombstone">;
  readonly view: Pick<PipelineView, "newest" | "history" | "catchUp">;
  readonly load: LoadModel;
  readonly source: Pick<DataSource, "schema">;
  readonly state: TrainerState;
  /** What a trial was trained with. @throws UncoupleError `not-found`, `failed-precondition` if it has no value */
  teamOfTrial(trial: TrialId): TeamConfig;
}

const never = new AbortController().signal;

/** Number of snapshots kept loaded for prediction. */
const MODEL_CACHE_SIZE = 4;

export function createTrainerService(deps: TrainerServiceDeps): {
  readonly service: TrainerService;
  close(): Promise<void>;
} {
  const { pipeline, team, registry, gate, queue, view, state } = deps;
  const component = componentNamed(pipeline, team.component);
  const { name } = component;
  const models = createSharedCache<SnapshotModel>({
    capacity: MODEL_CACHE_SIZE,
    weight: () => 1,
    dispose: (model) => model.dispose(),
  });

  function reportedState(): TrainerStatus["state"] {
    const phase = state.phase();
    if (phase !== "running") return phase;
    return queue.active() === undefined ? "idle" : "training";
  }

  /** From local knowledge only, so that `status` responds even when the registry is unavailable. */
  function newest(): number | null {
    const own = queue.runs().map(({ run }) => run.snapshot ?? 0);
    const serial = Math.max(0, view.newest(name)?.serial ?? 0, ...own);
    return serial === 0 ? null : serial;
  }

  async function manifestOf(serial: number | undefined): Promise<SnapshotManifest> {
    if (serial !== undefined) return registry.manifest(name, serial);
    const latest = await registry.latest(name);
    if (latest !== undefined) return latest;
    throw new UncoupleError("not-found", `${name} has not published a snapshot yet`);
  }

  /** The model may be loaded still. */
  async function refuseDeleted(manifest: SnapshotManifest): Promise<void> {
    if (!view.history.isDeleted(manifest)) return;
    const tombstone = await deps.retention.tombstone(manifest.component, manifest.serial);
    if (tombstone !== undefined) throw new DeletedError(tombstone);
  }

  const service: TrainerService = {
    async startRun(request) {
      const refusal = gate.refusal();
      if (refusal !== undefined) throw new UncoupleError("failed-precondition", refusal);
      const { upstream: asked, tuning, traceparent } = request;
      if (tuning !== undefined && (request.teamFile !== undefined || request.protocol !== undefined)) {
        throw new UncoupleError("invalid-argument", "a run of a trial has the trial's team file and protocol");
      }
      const requested =
        tuning === undefined ? teamOfRequest(request, team, pipeline, deps.teamFolder) : deps.teamOfTrial(tuning);
      // A trainer that is not running refuses the run, and sees nothing that it could check.
      if (asked !== undefined && state.phase() === "running") {
        await checkAskedSnapshots(asked, name, pipeline, { backplane: deps, view }, never);
      }
      return queue.submit({ trigger: "request", team: requested, asked, tuning, traceparent });
    },
    watchRun: (id, signal) => queue.watch(id, signal),
    cancelRun: (id) => queue.cancel(id),
    listRuns: async () => queue.runs().map(({ run }) => run),
    getRun: async (id) => queue.get(id).run,
    async runReport(id) {
      const { run, team: trained } = queue.get(id);
      const kept = await deps.store.loadReport(id);
      const { optimizer, schedule, batch, steps, stopAfter, seed, sample } = trained;
      return {
        run,
        settings: {
          optimizer: { name: optimizer.name, learningRate: optimizer.learningRate },
          schedule,
          batch,
          steps,
          ...(stopAfter !== undefined && { stopAfter }),
          seed,
          ...(sample !== undefined && { sample: { ...sample } }),
        },
        curve: kept?.curve ?? null,
        fit: kept?.fit ?? null,
      };
    },
    status: async () => ({
      pipeline: pipeline.name,
      component: name,
      engine: state.engine(),
      state: reportedState(),
      run: queue.active()?.run.id ?? null,
      queued: queue.queued(),
      queueCapacity: queue.capacity,
      newest: newest(),
      pipelineDigest: gate.digest,
      appliedDigest: gate.applied(),
      version: deps.codeVersion,
      problem: state.problem() ?? null,
    }),
    async predict(inputs, serial) {
      const table = predictionTable(inputs);
      const manifest = await manifestOf(serial);
      await refuseDeleted(manifest);
      const values = await models.use(
        snapshotName(manifest),
        async () => deps.load(name, manifest.serial, await deps.source.schema()),
        (model) => model.predict(table),
      );
      return { serial: manifest.serial, width: component.output.width, values };
    },
    async readSnapshot(serial, signal) {
      const manifest = await manifestOf(serial);
      return { manifest, bytes: await registry.bytes(manifest, signal) };
    },
  };
  return { service, close: () => models.clear() };
}
