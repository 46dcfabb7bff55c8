import { UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import type { AnnouncementView } from "../composition/announcement-view.ts";
import type { LoadModel } from "../composition/load-upstream.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import type { SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import type { TeamConfig } from "../pipeline/team.ts";
import type { Registry } from "../registry/registry.ts";
import type { TrainerService, TrainerState } from "../rpc/services/trainer-service.ts";
import { predictionTable } from "./prediction-table.ts";
import type { RunQueue } from "./runs/run-queue.ts";
import { teamOfRequest } from "./runs/run-request.ts";

/** What the service speaks for. */
export interface TrainerParts {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** Which the modules of team files that come with requests are relative to. */
  readonly teamFolder: string;
  readonly component: Component;
  readonly registry: Registry;
  readonly queue: RunQueue;
  readonly view: AnnouncementView;
  readonly load: LoadModel;
  readonly schema: () => Promise<readonly ColumnSchema[]>;
  state: "starting" | "started" | "stopping";
  /** As a manifest records it, once it has started; before, as it was asked for. */
  engine: string;
}

/** Loaded snapshots that are kept for prediction. */
const MODELS_KEPT = 4;

export function createTrainerService(parts: TrainerParts): {
  readonly service: TrainerService;
  close(): Promise<void>;
} {
  const { pipeline, component, registry, queue } = parts;
  const { name } = component;
  const models = createSharedCache<SnapshotModel>({
    capacity: MODELS_KEPT,
    weight: () => 1,
    dispose: (model) => model.dispose(),
  });

  function state(): TrainerState {
    if (parts.state !== "started") return parts.state;
    return queue.active() === undefined ? "idle" : "training";
  }

  /** Without asking anybody: a status is an answer when the registry is away, too. */
  function newest(): number | null {
    const own = queue.runs().map(({ run }) => run.snapshot ?? 0);
    const serial = Math.max(0, parts.view.newest(name)?.serial ?? 0, ...own);
    return serial === 0 ? null : serial;
  }

  async function manifestOf(serial: number | undefined): Promise<SnapshotManifest> {
    if (serial !== undefined) return registry.manifest(name, serial);
    const latest = await registry.latest(name);
    if (latest !== undefined) return latest;
    throw new UncoupleError("not-found", `${name} has published no snapshot yet`);
  }

  const service: TrainerService = {
    async startRun(request) {
      const team = teamOfRequest(request, parts.team, pipeline, parts.teamFolder);
      return queue.submit({ trigger: "request", team });
    },
    watchRun: (id, signal) => queue.watch(id, signal),
    cancelRun: (id) => queue.cancel(id),
    listRuns: async () => queue.runs().map(({ run }) => run),
    getRun: async (id) => queue.get(id).run,
    status: async () => ({
      pipeline: pipeline.name,
      component: name,
      engine: parts.engine,
      state: state(),
      run: queue.active()?.run.id ?? null,
      queued: queue.queued(),
      queueCapacity: queue.capacity,
      newest: newest(),
    }),
    async predict(inputs, serial) {
      const table = predictionTable(inputs);
      const manifest = await manifestOf(serial);
      const values = await models.use(
        snapshotName(manifest),
        async () => parts.load(name, manifest.serial, await parts.schema()),
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
