import { UncoupleError } from "../common/errors.ts";
import { didYouMean } from "../common/suggest.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";

export type SnapshotLogs = Pick<Backplane, "registry" | "verdicts" | "quarantines" | "retention">;

/** The components that people may name. */
export interface NamedPipeline {
  readonly pipeline: string;
  readonly components: readonly string[];
}

/**
 * Checks that snapshots exist and that none is named twice.
 * @throws UncoupleError `invalid-argument`; `not-found` naming the component or the newest serial
 */
export async function checkKnown(
  snapshots: readonly SnapshotId[],
  known: NamedPipeline,
  registry: Pick<Backplane["registry"], "manifest">,
): Promise<void> {
  const names = new Set<string>();
  for (const snapshot of snapshots) {
    const name = snapshotName(snapshot);
    if (names.has(name)) throw new UncoupleError("invalid-argument", `${name} is named twice`);
    names.add(name);
    checkComponent(snapshot.component, known);
  }
  for (const { component, serial } of snapshots) await registry.manifest(component, serial);
}

/** @throws UncoupleError `not-found` */
export function checkComponent(component: string, { pipeline, components }: NamedPipeline): void {
  if (components.includes(component)) return;
  throw new UncoupleError(
    "not-found",
    `pipeline ${pipeline} has no component "${component}"; available: ${components.join(", ") || "none"}${didYouMean(component, components)}`,
  );
}

/** Returns snapshots as moves. @throws UncoupleError `invalid-argument` if two are of one component */
export function asMoves(snapshots: readonly SnapshotId[]): Composition {
  const moves: Record<string, number> = {};
  for (const { component, serial } of snapshots) {
    const other = moves[component];
    if (other !== undefined) {
      throw new UncoupleError(
        "invalid-argument",
        `${snapshotName({ component, serial: other })} and ${snapshotName({ component, serial })} are snapshots of one component; a release has one of each`,
      );
    }
    moves[component] = serial;
  }
  return moves;
}

/**
 * Why snapshots cannot be in a release, one reason for each that cannot.
 * @param allowed unjudged: snapshots without a verdict are not among them
 */
export async function faultsOf(
  snapshots: readonly SnapshotId[],
  logs: SnapshotLogs,
  allowed: { readonly unjudged: boolean } = { unjudged: false },
): Promise<readonly UncoupleError[]> {
  const faults = await Promise.all(snapshots.map((snapshot) => faultOf(snapshot, logs, allowed)));
  return faults.filter((fault) => fault !== undefined);
}

async function faultOf(
  { component, serial }: SnapshotId,
  logs: SnapshotLogs,
  { unjudged }: { readonly unjudged: boolean },
): Promise<UncoupleError | undefined> {
  const name = snapshotName({ component, serial });
  const tombstone = await logs.retention.tombstone(component, serial);
  if (tombstone !== undefined) return new DeletedError(tombstone);
  const quarantine = await logs.quarantines.get(component, serial);
  if (quarantine !== undefined) {
    const { reason, detail } = quarantine;
    return new UncoupleError("failed-precondition", `${name} is quarantined (${reason}: ${detail})`);
  }
  if (unjudged || (await logs.verdicts.get(component, serial)) !== undefined) return undefined;
  return new UncoupleError("failed-precondition", `${name} is not judged yet`);
}

/** @throws the only fault; UncoupleError `failed-precondition` naming all of several */
export function throwFaults(faults: readonly UncoupleError[], what: string): void {
  const [first] = faults;
  if (first === undefined) return;
  const code = faults.every((fault) => fault.code === first.code) ? first.code : "failed-precondition";
  throw new UncoupleError(code, `${what}: ${faults.map(({ message }) => message).join("; ")}`, { cause: first });
}
