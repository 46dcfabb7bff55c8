import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { comparedSnapshots, type Logged, type Quarantine, type Verdict } from "../pipeline/verdict.ts";
import { neededChanges } from "./alias-history.ts";
import type { WriteOnceLog } from "./backplane.ts";
import { COMPACTED_LOGS, type CompactedLog, type CompactedLogName } from "./compaction.ts";
import type { AliasChange } from "./registry.ts";
import type { Retention } from "./retention.ts";

/** The logs that are compacted, and what decides about their entries. */
export interface CompactionSources {
  readonly retention: Pick<Retention, "tombstones">;
  readonly verdicts: Pick<WriteOnceLog<Verdict>, "read">;
  readonly quarantines: Pick<WriteOnceLog<Quarantine>, "read">;
  readonly aliasChanges: () => AsyncIterable<Logged<AliasChange>>;
}

/** Positions of a log to remove, ascending. */
export interface Removal {
  readonly positions: readonly number[];
  readonly kept: number;
}

/** Decides which entries of each log nothing needs. */
export async function findRemovals(
  sources: CompactionSources,
  rollbacks: number,
  deleted: readonly SnapshotId[] = [],
): Promise<Readonly<Record<CompactedLogName, Removal>>> {
  // First: verdicts that are appended from here on are of snapshots that count as stored.
  const tombstones = await sources.retention.tombstones();
  const names = new Set([...tombstones, ...deleted].map(snapshotName));
  const isDeleted = (snapshot: SnapshotId) => names.has(snapshotName(snapshot));
  return {
    verdicts: await removableVerdicts(sources.verdicts.read(0), isDeleted),
    quarantines: await removableQuarantines(sources.quarantines.read(0), isDeleted),
    aliases: await removableChanges(sources.aliasChanges(), rollbacks),
  };
}

/** The logs that lose entries by removals. */
export function describeRemovals(removals: Readonly<Record<CompactedLogName, Removal>>): readonly CompactedLog[] {
  const logs = COMPACTED_LOGS.map((log) => ({
    log,
    removed: removals[log].positions.length,
    kept: removals[log].kept,
  }));
  return logs.filter(({ removed }) => removed > 0);
}

type IsDeleted = (snapshot: SnapshotId) => boolean;

async function removableVerdicts(verdicts: AsyncIterable<Logged<Verdict>>, isDeleted: IsDeleted): Promise<Removal> {
  const proven = new Set<string>();
  const candidates: { readonly position: number; readonly proves: readonly string[] }[] = [];
  let count = 0;
  let end = 0;
  for await (const { position, value } of verdicts) {
    count++;
    end = position;
    const compared = comparedSnapshots(value).filter((snapshot) => !isDeleted(snapshot));
    const proves = [...new Set(compared.map(snapshotName))];
    if (isDeleted(value)) candidates.push({ position, proves });
    else for (const name of proves) proven.add(name);
  }
  const positions: number[] = [];
  for (const { position, proves } of candidates) {
    if (position !== end && proves.every((name) => proven.has(name))) positions.push(position);
    else for (const name of proves) proven.add(name);
  }
  return { positions, kept: count - positions.length };
}

async function removableQuarantines(
  quarantines: AsyncIterable<Logged<Quarantine>>,
  isDeleted: IsDeleted,
): Promise<Removal> {
  const found: number[] = [];
  let count = 0;
  let end = 0;
  for await (const { position, value } of quarantines) {
    count++;
    end = position;
    if (isDeleted(value)) found.push(position);
  }
  const positions = found.filter((position) => position !== end);
  return { positions, kept: count - positions.length };
}

async function removableChanges(changes: AsyncIterable<Logged<AliasChange>>, rollbacks: number): Promise<Removal> {
  const all: number[] = [];
  const byAlias = new Map<string, Logged<AliasChange>[]>();
  for await (const change of changes) {
    const { component, alias } = change.value;
    const name = `${component} ${alias}`;
    const log = byAlias.get(name) ?? [];
    byAlias.set(name, log);
    log.push(change);
    all.push(change.position);
  }
  const needed = new Set([...byAlias.values()].flatMap((log) => neededChanges(log, rollbacks)));
  return { positions: all.filter((position) => !needed.has(position)), kept: needed.size };
}
