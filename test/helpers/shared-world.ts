import type { Provenance, SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Component, Pipeline } from "../../services/pipeline/pipeline.ts";
import { contentOf } from "../../services/pipeline/pipeline-content.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import * as make from "./drafts.ts";
import { component, type LinearModel, linearBytes, pipelineOf } from "./linear-pipelines.ts";
import { type MemoryEvaluators, openMemoryEvaluators, specs } from "./memory-evaluators.ts";

const u = component({ name: "u", columns: ["x"], target: "z" });

/** The pipeline `demo`, whose component `u` is `ads/u`, and the pipeline `ads` in the same store. */
export interface SharedWorld extends MemoryEvaluators {
  /** Of `demo`. @param serial that it pins */
  using(serial?: number): Pipeline;
  readonly ads: Backplane;
  /** Applies a pipeline file of `ads` whose `u` has changed; `null` has none. */
  applyOwner(change?: Partial<Component> | null): Promise<void>;
  /** Publishes a snapshot of `ads/u`. */
  publishOwner(weights: LinearModel["weights"], provenance?: Partial<Provenance>): Promise<SnapshotManifest>;
  /** Releases a snapshot in `ads`, as its evaluators do. */
  releaseOwner(serial: number): Promise<void>;
  quarantineOwner(serial: number, detail: string): Promise<void>;
  /** The origins of the snapshots of `u` here, as serials of `ads/u`, in order. */
  linked(): Promise<readonly (number | undefined)[]>;
  /** Waits on the virtual clock until something is the case. */
  until(condition: () => Promise<boolean>): Promise<void>;
}

export function openSharedWorld(count?: number): SharedWorld {
  const neighbors = new Map<string, Backplane>();
  const world = openMemoryEvaluators(count, neighbors);
  const ads = createMemoryBackplane("ads", { clock: world.clock, neighbors });
  neighbors.set("ads", ads).set("demo", world.backplane);
  const pipeline = "ads";
  return {
    ...world,
    ads,
    using: (serial) =>
      pipelineOf(
        [
          { ...u, from: { pipeline, component: "u", ...(serial !== undefined && { serial }) } },
          component({ name: "d", columns: ["x"], upstream: ["u"], target: "y" }),
        ],
        "d",
      ),
    async applyOwner(change = {}) {
      const components = [component({ name: "other", columns: ["x"], target: "z" })];
      const content = contentOf({
        ...pipelineOf(change === null ? components : [{ ...u, ...change }, ...components], "other"),
        name: pipeline,
      });
      const before = (await ads.pipelines.current())?.value.digest ?? null;
      await ads.pipelines.apply(content, before, "ann");
    },
    publishOwner: (weights, provenance) =>
      ads.registry.publish(
        make.draft({
          pipeline,
          component: "u",
          contract: specs.u,
          provenance: { upstream: { other: 4 }, ...provenance },
        }),
        linearBytes({ weights }),
        "any",
      ),
    async releaseOwner(serial) {
      const number = ((await ads.ledger.release())?.value.number ?? 0) + 1;
      await ads.ledger.append(make.release(number, { pipeline, composition: { u: serial } }));
    },
    async quarantineOwner(serial, detail) {
      await ads.quarantines.append({ ...make.quarantine("u", serial, { pipeline }), detail });
    },
    async linked() {
      return (await world.backplane.registry.list("u")).map(({ provenance }) => provenance.origin?.serial);
    },
    async until(condition) {
      while (!(await condition())) await world.clock.advance(50);
    },
  };
}
