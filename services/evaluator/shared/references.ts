import { asUncoupleError } from "../../common/errors.ts";
import type { Logger } from "../../runtime/logs.ts";
import { holderOf, type Linked } from "./linked.ts";
import type { Owner } from "./owner.ts";

/**
 * Makes the references in an owner's store those of the linked snapshots that are stored here: adds those that a restored
 * store lacks, and releases those of deleted links and of links that were never announced.
 * @param linked every stored one of that owner, as of now
 */
export async function keepReferences(
  pipeline: string,
  owner: Owner,
  linked: readonly Linked[],
  log: Logger,
): Promise<void> {
  const { retention } = owner.store;
  const { references } = await retention.state();
  const held = new Set(references.filter(({ by }) => by === pipeline).map(({ holder }) => holder));
  const wanted = new Map(linked.map((one) => [holderOf(pipeline, one), one]));
  for (const [holder, { origin }] of wanted) {
    if (held.has(holder)) continue;
    const { component, serial } = origin;
    try {
      await retention.refer({ component, serial, by: pipeline, holder });
    } catch (thrown) {
      const error = asUncoupleError(thrown);
      if (error.code !== "deleted") throw error;
      log.error(
        { owner: owner.name, error },
        `pipeline ${owner.name} has deleted a model that is linked here: ${error.message}`,
      );
    }
  }
  for (const holder of held) if (!wanted.has(holder)) await retention.release(holder);
}
