import type { Component } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { type LocalModel, localModel } from "./local-inference.ts";
import type { StoredModel } from "./model-store.ts";

/** The snapshots of one run of a policy, numbered from 1 by component. */
export interface SnapshotShelf {
  /** @returns its serial */
  add(component: string, model: StoredModel): number;
  model(component: string, serial: number): StoredModel;
  /** As `ComposerDeps.modelOf`. */
  hosted(component: Component, serial: number): Promise<LocalModel>;
  /** The models of a composition. */
  models(composition: Composition): Readonly<Record<string, StoredModel>>;
}

export function createSnapshotShelf(): SnapshotShelf {
  const shelves = new Map<string, LocalModel[]>();
  const hosted = (component: string, serial: number) => shelves.get(component)?.[serial - 1] as LocalModel;
  return {
    add(component, model) {
      const shelf = shelves.get(component) ?? [];
      shelves.set(component, shelf);
      return shelf.push(localModel(`${component}@${shelf.length + 1}`, model));
    },
    model: (component, serial) => hosted(component, serial).stored,
    hosted: async ({ name }, serial) => hosted(name, serial),
    models: (composition) =>
      Object.fromEntries(Object.entries(composition).map(([name, serial]) => [name, hosted(name, serial).stored])),
  };
}
