import type { ColumnFiles, ColumnSpace } from "../learning/units/job-columns.ts";
import type { TrainerLink } from "./trainer-link.ts";
import type { Transfers } from "./transfers.ts";

/** Columns from the trainer that exceed their share of this worker's memory. */
export function createColumnFiles(
  space: ColumnSpace,
  transfers: Transfers,
  link: Pick<TrainerLink, "current">,
): ColumnFiles {
  return {
    ...space,
    fetch: (digest, write) =>
      transfers.run((coordinator, worker, options) => coordinator.fetchTo(worker, digest, write, options)),
    // Without progress, the trainer would give the unit to another worker.
    onWork: () => link.current()?.received(1),
  };
}
