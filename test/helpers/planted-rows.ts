import type { Composition } from "../../services/pipeline/verdict.ts";
import type { AuditedLosses, GateRows } from "../../services/releases/gate-rows.ts";
import type { RowStructure } from "../../services/verdicts/judgement.ts";

export interface PlantedRows {
  readonly part?: GateRows["part"];
  /** The loss of every row, [rows]; may throw a SnapshotFault. */
  rowLosses(component: string, composition: Composition): Float64Array | Promise<Float64Array>;
  readonly structure?: Partial<RowStructure>;
  readonly audited?: AuditedLosses;
}

/** A part of held-out rows whose losses are given, not composed by the product. */
export function plantedRows({ part = "screen", rowLosses, structure, audited }: PlantedRows): GateRows {
  return {
    part,
    losses: {
      check: async () => {},
      prepare() {},
      output: async () => {
        throw new Error("planted rows have no outputs");
      },
      rowLosses: async (component, composition) => rowLosses(component, composition),
      rowErrors: async () => undefined,
    },
    structure: { groupings: [], slices: [], ...structure },
    audited,
  };
}
