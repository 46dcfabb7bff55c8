import type { Composition } from "../pipeline/verdict.ts";

/** The losses of composed snapshots on a fixed set of evaluation rows: all that judging needs to know of composing. */
export interface ComposedLosses {
  /**
   * Checks that a snapshot can be loaded and has the contract of its component.
   * @throws SnapshotFault
   */
  check(component: string, serial: number): Promise<void>;
  /**
   * Starts composing what `rowLosses` of a component will be asked for, which is faster than one composition after another.
   * Blames nobody: `rowLosses` does.
   */
  prepare(component: string, compositions: readonly Composition[]): void;
  /**
   * @param composition a serial for the component and for everything upstream of it
   * @returns the component's loss on every row, [rows], in an order that is the same in every call; not to be changed
   * @throws SnapshotFault naming the snapshot that cannot be used or whose output is invalid
   */
  rowLosses(component: string, composition: Composition): Promise<Float64Array>;
  /**
   * @returns [rows]: 1 where the most probable class is not the row's, else 0; undefined for a component without classes
   * @throws SnapshotFault as `rowLosses`
   */
  rowErrors(component: string, composition: Composition): Promise<Float64Array | undefined>;
}
