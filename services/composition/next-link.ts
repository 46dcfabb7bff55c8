import { asUncoupleError } from "../common/errors.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import { originName, type SnapshotOrigin } from "../pipeline/shared.ts";
import { disagreement, type NamedContent, type SharedComponent } from "../pipeline/shared-components.ts";
import type { Neighbor } from "../registry/backplane.ts";

/**
 * The owner's snapshot that a component has to be linked to, or why there is none: undefined if its newest snapshot is that one
 * already.
 */
export type NextLink =
  | { readonly origin: SnapshotOrigin; readonly original: SnapshotManifest }
  | { readonly unchanged: string | undefined };

/**
 * Compares a component with what its owner uses now.
 * @param using the pipeline file in force that has the component
 * @param newest the component's newest snapshot
 */
export async function nextLink(
  component: SharedComponent,
  using: NamedContent,
  newest: SnapshotManifest | undefined,
  owner: Neighbor,
): Promise<NextLink> {
  const { from } = component;
  const wrong = disagreement(component, using, (await owner.pipelines.current())?.value.content);
  if (wrong !== undefined) return { unchanged: `${wrong}; run \`uncouple pipeline lock\`, and apply the file` };
  const serial = from.serial ?? (await owner.ledger.release())?.value.composition[from.component];
  if (serial === undefined) {
    return { unchanged: `pipeline ${from.pipeline} has released no snapshot of ${from.component} yet` };
  }
  const origin: SnapshotOrigin = { pipeline: from.pipeline, component: from.component, serial };
  let original: SnapshotManifest;
  try {
    original = await owner.registry.manifest(origin.component, serial);
  } catch (thrown) {
    return { unchanged: notThere(thrown) };
  }
  const current = newest?.provenance.origin;
  const isLinked = current !== undefined && originName(current) === originName(origin);
  // An owner whose store was restored from an older backup has given the serial to another snapshot since.
  if (isLinked && newest?.digest === original.digest) return { unchanged: undefined };
  if ((await owner.quarantines.get(origin.component, serial)) !== undefined) {
    return { unchanged: `${originName(origin)} is quarantined by its owner` };
  }
  return { origin, original };
}

/** The message of an error that says that the owner does not have a snapshot, or not any more; throws others again. */
export function notThere(thrown: unknown): string {
  const { code, message } = asUncoupleError(thrown);
  if (code !== "not-found" && code !== "deleted") throw thrown;
  return message;
}
