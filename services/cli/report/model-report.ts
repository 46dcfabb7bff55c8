import { asUncoupleError } from "../../common/errors.ts";
import { aliasesNow, releasesOf } from "../../composition/champions.ts";
import { type SnapshotId, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import type { RunReport } from "../../pipeline/run-report.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import type { Quarantine, Verdict } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { Connections } from "../connect/connections.ts";
import { usersOf } from "../text/users-text.ts";
import { type PipelinePosition, positionOf } from "./pipeline-position.ts";

/** What is known about a snapshot: all of it but the manifest is from logs that others write. */
export interface SnapshotFacts {
  readonly manifest: SnapshotManifest;
  readonly aliases: readonly string[];
  readonly verdict: Verdict | null;
  readonly quarantine: Quarantine | null;
  /** Numbers of the releases that it is in, ascending. */
  readonly releases: readonly number[];
  /** Other pipelines that use it. */
  readonly usedBy: readonly string[];
  /** Null if no pipeline file is in force, or another component has its name now. */
  readonly position: PipelinePosition | null;
  /** The snapshots that it was trained on, and the one that it follows, as far as their manifests can be read. */
  readonly origins: readonly SnapshotManifest[];
}

/** All that a page about a run or a snapshot shows. */
export interface ModelReport {
  readonly component: string;
  readonly run: RunReport | null;
  readonly snapshot: SnapshotFacts | null;
  /** What could not be read, and why: one sentence each. */
  readonly missing: readonly string[];
}

/** @throws DeletedError; UncoupleError `not-found`; as `Connections.backplane` */
export async function reportOfSnapshot(connections: Connections, id: SnapshotId): Promise<ModelReport> {
  const snapshot = await factsOf(await connections.backplane(id.component), id);
  const { provenance, runId } = snapshot.manifest;
  if (provenance.origin !== undefined || provenance.producer !== undefined) {
    const by = provenance.origin === undefined ? "another program" : `pipeline ${provenance.origin.pipeline}`;
    return { component: id.component, run: null, snapshot, missing: [`its training: ${by} trained it`] };
  }
  try {
    const run = await (await connections.trainer(id.component)).runReport(runId);
    return { component: id.component, run, snapshot, missing: [] };
  } catch (thrown) {
    return { component: id.component, run: null, snapshot, missing: [`its run: ${asUncoupleError(thrown).message}`] };
  }
}

/** @throws UncoupleError as `Connections.trainer` and `TrainerService.runReport` */
export async function reportOfRun(connections: Connections, { id, component }: Run): Promise<ModelReport> {
  const run = await (await connections.trainer(component)).runReport(id);
  const serial = run.run.snapshot;
  if (serial === null) return { component, run, snapshot: null, missing: [] };
  try {
    const snapshot = await factsOf(await connections.backplane(component), { component, serial });
    return { component, run, snapshot, missing: [] };
  } catch (thrown) {
    const name = snapshotName({ component, serial });
    return { component, run, snapshot: null, missing: [`${name}: ${asUncoupleError(thrown).message}`] };
  }
}

async function factsOf(backplane: Backplane, { component, serial }: SnapshotId): Promise<SnapshotFacts> {
  const { registry, verdicts, quarantines, retention, ledger, pipelines } = backplane;
  const manifest = await registry.manifest(component, serial);
  const tombstone = await retention.tombstone(component, serial);
  if (tombstone !== undefined) throw new DeletedError(tombstone);
  const pointing = Object.entries((await aliasesNow(backplane, [component])).get(component) ?? {});
  const releases: number[] = [];
  for await (const { number, composition } of releasesOf(ledger)) {
    if (composition[component] === serial) releases.push(number);
  }
  return {
    manifest,
    aliases: pointing.filter(([, to]) => to === serial).map(([alias]) => alias),
    verdict: (await verdicts.get(component, serial)) ?? null,
    quarantine: (await quarantines.get(component, serial)) ?? null,
    releases,
    usedBy: usersOf(manifest, (await retention.state()).references),
    position: positionOf((await pipelines.current())?.value.content, component),
    origins: await originsOf(manifest, backplane),
  };
}

async function originsOf({ component, parent, provenance }: SnapshotManifest, { registry }: Backplane) {
  const before: SnapshotId[] = parent === null ? [] : [{ component, serial: parent }];
  const above = Object.entries(provenance.upstream ?? {}).map(([name, serial]) => ({ component: name, serial }));
  // Versions that this one cannot read are left out of the drawing; the manifest names them.
  const read = [...above, ...before].map((one) => registry.manifest(one.component, one.serial).catch(() => undefined));
  return (await Promise.all(read)).filter((one) => one !== undefined);
}
