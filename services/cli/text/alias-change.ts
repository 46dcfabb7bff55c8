import { snapshotName } from "../../pipeline/manifest.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { AliasChange } from "../../registry/registry.ts";
import type { Output } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";

/**
 * Prints what a change of an alias did. An alias may point at a quarantined snapshot, which is never used: the newest valid
 * one is in use instead.
 */
export async function printAliasChange(
  change: AliasChange,
  quarantines: Pick<Backplane["quarantines"], "get">,
  output: Output,
): Promise<void> {
  const { component, alias, serial, previous } = change;
  const place = (at: number | null) => (at === null ? "nothing" : snapshotName({ component, serial: at }));
  output.result(change, () =>
    plain(`${alias} of ${component} now points at ${place(serial)} (previously ${place(previous)})`),
  );
  const quarantine = serial === null ? undefined : await quarantines.get(component, serial);
  if (quarantine === undefined) return;
  const { reason, detail } = quarantine;
  output.note(plain(`${snapshotName(quarantine)} is quarantined and will not be used: ${reason}: ${detail}`));
}
