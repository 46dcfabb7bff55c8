import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import { originName, type SnapshotOrigin } from "../pipeline/shared.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Neighbor } from "./backplane.ts";

/** Opens another pipeline of the same store, as `Backplane.neighbor`. */
export type OpenNeighbor = (pipeline: string) => Promise<Neighbor>;

/** Where a snapshot is linked from. @throws UncoupleError `invalid-argument` if its draft names nothing */
export function requireOrigin({ component, provenance }: Pick<SnapshotManifest, "component" | "provenance">) {
  if (provenance.origin !== undefined) return provenance.origin;
  throw new UncoupleError("invalid-argument", `${component}: a linked snapshot needs provenance.origin`);
}

/** Only links have an origin. @throws UncoupleError `invalid-argument` */
export function refuseOrigin({ component, provenance }: Pick<SnapshotManifest, "component" | "provenance">): void {
  if (provenance.origin === undefined) return;
  throw new UncoupleError("invalid-argument", `${component}: only a linked snapshot has provenance.origin`);
}

/**
 * Reads the model of a linked snapshot where its owner has it.
 * @throws DeletedError naming the linked snapshot; UncoupleError `data-loss` if the owner's snapshot has another digest;
 *   `failed-precondition` if the store does not have it; as `Registry.bytes`
 */
export async function readLinkedModel(
  manifest: SnapshotManifest,
  origin: SnapshotOrigin,
  neighbor: OpenNeighbor,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { component, serial, digest } = manifest;
  const what = `${snapshotName(manifest)} is ${originName(origin)}`;
  const owner = await neighbor(origin.pipeline).catch((thrown: unknown) => absent(what, thrown));
  const original = await owner.registry
    .manifest(origin.component, origin.serial)
    .catch((thrown: unknown) => absent(what, thrown));
  if (original.digest !== digest) {
    throw new UncoupleError("data-loss", `${what}, which has SHA-256 ${original.digest} and not ${digest}`);
  }
  try {
    return await owner.registry.bytes(original, signal);
  } catch (thrown) {
    if (!(thrown instanceof DeletedError)) throw thrown;
    throw new DeletedError({ ...thrown.tombstone, component, serial }, `${what}, which`);
  }
}

function absent(what: string, thrown: unknown): never {
  const error = asUncoupleError(thrown);
  // The owner's store was replaced or lost: no fault of the snapshot.
  if (error.code !== "not-found" && error.code !== "data-loss") throw error;
  throw new UncoupleError("failed-precondition", `${what}: ${error.message}`, { cause: error });
}
