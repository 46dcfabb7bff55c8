import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { findProtocol } from "../../learning/protocols/all.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { componentNamed, consumers } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Registry } from "../../registry/registry.ts";
import { type OutageSettings, retryWhileUnavailable } from "./retry-while-unavailable.ts";

/** The models of pinned snapshots, loaded as they are needed. */
export interface PinnedModels {
  /** By ancestor. */
  upstream(): Promise<Readonly<Record<string, SnapshotModel>>>;
  /** The component's newest snapshot; undefined if the team's protocol does not need it, or there is none. */
  previous(pipeline: Pipeline, team: TeamConfig): Promise<SnapshotModel | undefined>;
  dispose(): Promise<void>;
}

/** @param load loads a snapshot */
export function createPinnedModels(
  pins: ResolvedSnapshots,
  load: (component: string, serial: number) => Promise<SnapshotModel>,
): PinnedModels {
  const models = new Map<string, Promise<SnapshotModel>>();
  const loaded = (component: string, serial: number) => {
    const model = models.get(component) ?? load(component, serial);
    models.set(component, model);
    return model;
  };
  return {
    async upstream() {
      const upstream: Record<string, SnapshotModel> = {};
      for (const [name, serial] of Object.entries(pins.upstream)) upstream[name] = await loaded(name, serial);
      return upstream;
    },
    async previous(pipeline, team) {
      return pins.parent !== null && needsPrevious(pipeline, team) ? loaded(team.component, pins.parent) : undefined;
    },
    async dispose() {
      for (const model of await Promise.allSettled(models.values())) {
        if (model.status === "fulfilled") await model.value.dispose();
      }
    },
  };
}

/** The digests of the models of pinned snapshots, by component. @throws UncoupleError as `retryWhileUnavailable` */
export async function digestsOfPins(
  component: string,
  { upstream, parent }: ResolvedSnapshots,
  registry: Pick<Registry, "manifest">,
  outage: OutageSettings,
): Promise<Readonly<Record<string, string>>> {
  const serials = { ...upstream, ...(parent !== null && { [component]: parent }) };
  const digests: Record<string, string> = {};
  for (const [name, serial] of Object.entries(serials)) {
    const manifest = await retryWhileUnavailable(`looking for ${name}@${serial}`, outage, () =>
      registry.manifest(name, serial),
    );
    digests[name] = manifest.digest;
  }
  return digests;
}

function needsPrevious(pipeline: Pipeline, { component, protocol }: TeamConfig): boolean {
  const { upstream } = componentNamed(pipeline, component);
  const needs = findProtocol(protocol.name).needs(protocol.parameters, {
    hasUpstream: upstream.length > 0,
    isConsumed: consumers(pipeline.components, component).length > 0,
  });
  return needs.previous;
}
