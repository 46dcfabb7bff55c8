import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { aliasesContract } from "./aliases.ts";
import { generationsContract } from "./generations.ts";
import { type Implementation, openPair, type Pair, type World } from "./implementation.ts";
import { leasesContract } from "./leases.ts";
import { ledgerContract } from "./ledger.ts";
import { logsContract } from "./logs.ts";
import { pipelineFilesContract } from "./pipeline-files.ts";
import { snapshotsContract } from "./snapshots.ts";
import { workQueueContract } from "./work-queue.ts";

/** Tests the contract of the ports in services/registry on an implementation. */
export function backplaneContract(implementation: Implementation): void {
  describe(`${implementation.name} backplane`, () => {
    let world: World;
    let pair: Pair;
    beforeAll(() => implementation.start());
    afterAll(() => implementation.stop());
    beforeEach(async () => {
      world = await implementation.create();
      pair = await openPair(world);
    });
    afterEach(() => world.destroy());

    for (const contract of [
      pipelineFilesContract,
      generationsContract,
      ledgerContract,
      snapshotsContract,
      logsContract,
      aliasesContract,
      workQueueContract,
      leasesContract,
    ]) {
      contract(() => pair);
    }
  });
}
