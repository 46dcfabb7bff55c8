import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { SnapshotId } from "../../pipeline/manifest.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { namesOf } from "../../registry/retention.ts";
import type { Models } from "../lab/lab.ts";

/** An announced snapshot. */
export interface LabSnapshot extends SnapshotId {
  readonly model: SnapshotModel;
  /** The serials of its ancestors whose predictions it was trained on. */
  readonly trainedOn: Composition;
}

/** The announced snapshots of a pipeline in a lab, numbered from 1 within each component. */
export interface LabSnapshots {
  announce(component: string, model: SnapshotModel, trainedOn: Composition): LabSnapshot;
  get(component: string, serial: number): LabSnapshot;
  /** @returns undefined for a component without snapshots */
  newest(component: string): LabSnapshot | undefined;
  /** The snapshots that are newer than those of a composition, in the order of announcement. */
  newerThan(composition: Composition): readonly LabSnapshot[];
  modelsOf(composition: Composition): Models;
}

export function createLabSnapshots(): LabSnapshots {
  const announced: LabSnapshot[] = [];
  const byComponent = new Map<string, LabSnapshot[]>();
  const get = (component: string, serial: number) => byComponent.get(component)?.[serial - 1] as LabSnapshot;
  return {
    announce(component, model, trainedOn) {
      const own = byComponent.get(component) ?? [];
      const snapshot = { component, serial: own.length + 1, model, trainedOn };
      byComponent.set(component, [...own, snapshot]);
      announced.push(snapshot);
      return snapshot;
    },
    get,
    newest: (component) => byComponent.get(component)?.at(-1),
    newerThan: (composition) => announced.filter(({ component, serial }) => serial > (composition[component] ?? 0)),
    modelsOf: (composition) =>
      Object.fromEntries(
        namesOf(composition).map(({ component, serial }) => [component, get(component, serial).model]),
      ),
  };
}
