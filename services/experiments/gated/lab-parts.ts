import { mean } from "../../common/statistics.ts";
import { divideHeldOut } from "../../data/held-out-parts.ts";
import type { NumericColumn } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { PartName, PartShares } from "../../pipeline/gate.ts";
import { soleObjective } from "../../pipeline/objectives.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import type { RowStructure } from "../../verdicts/judgement.ts";
import { createSharedWeights, type DrawShared } from "../../verdicts/paired/shared-weights.ts";
import type { Lab, Models } from "../lab/lab.ts";

/** A lab's held-out rows, divided as an evaluator divides them for a gate. */
export interface LabParts {
  /** @param modelsOf a model for each serial of a composition */
  rowsOf(part: "screen" | "confirm", modelsOf: (composition: Composition) => Models): GateRows;
  /** The pipeline's loss on the reserve rows, which no gate asks here. */
  unseenLoss(models: Models): Promise<number>;
  /** For comparisons on screen rows. */
  readonly drawShared: DrawShared;
}

/** Rows of the generators are independent. */
const STRUCTURE: RowStructure = { groupings: [], slices: [] };

export function divideLab(lab: Lab, split: PartShares): LabParts {
  const { pipeline } = lab;
  const parts = divideHeldOut(pipeline, { rows: lab.rows, labels: {} }, split);
  const lossesOf = async (part: PartName, component: string, models: Models) => {
    const losses = await lab.rowLosses(component, models);
    return Float64Array.from(parts[part], (row) => losses[row] as number);
  };
  return {
    drawShared: createSharedWeights(),
    rowsOf: (part, modelsOf) => ({
      part,
      structure: STRUCTURE,
      audited: undefined,
      losses: {
        check: async () => {},
        prepare: () => {},
        async output(component, composition) {
          const { width } = componentNamed(pipeline, component).output;
          const values = await lab.predict(component, modelsOf(composition));
          const all = { rows: lab.rows, columns: { output: { kind: "numeric" as const, width, values } } };
          return (takeRows(all, parts[part]).columns.output as NumericColumn).values;
        },
        rowLosses: (component, composition) => lossesOf(part, component, modelsOf(composition)),
        rowErrors: async () => undefined,
      },
    }),
    unseenLoss: async (models) => mean(await lossesOf("reserve", soleObjective(pipeline), models)),
  };
}
