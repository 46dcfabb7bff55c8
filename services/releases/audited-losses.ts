import type { AnnotatedRows } from "../composition/annotated-losses.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import type { AuditedLosses } from "./gate-rows.ts";

/**
 * Measures the pipeline's losses on annotated rows, with every annotation that the moving components read at once.
 * @param structure of these rows; called when it is first read
 */
export function createAuditedLosses(annotated: AnnotatedRows, structure: () => RowStructure): AuditedLosses {
  return {
    rows: annotated.rows,
    get structure() {
      return structure();
    },
    async rowLosses(composition, moved) {
      const replaced = annotated.replaced.filter((_, index) => {
        const { downstream } = annotated.edges[index] as (typeof annotated.edges)[number];
        return moved.includes(downstream);
      });
      try {
        const [losses] = await annotated.rowLosses(composition, [replaced]);
        return losses;
      } catch (thrown) {
        // A snapshot that fails on annotated values is not to blame: nothing like them need ever reach it.
        if (thrown instanceof SnapshotFault && replaced.length > 0) return undefined;
        throw thrown;
      }
    },
  };
}
