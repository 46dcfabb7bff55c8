import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { type SnapshotDraft, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import { checkAlias, createAliasIndex, rollbackTarget } from "../alias-history.ts";
import { type OpenNeighbor, readLinkedModel, refuseOrigin, requireOrigin } from "../linked-model.ts";
import { checkDraft, checkName } from "../names.ts";
import type { AliasChange, Registry } from "../registry.ts";
import { type Retention, whilePinned } from "../retention.ts";
import { checkParent, checkSameBytes, createSnapshotIndex, findSnapshot, notPublished } from "../snapshot-index.ts";
import { frozen, type MemoryLog } from "./log.ts";

export interface MemoryRegistryDeps {
  readonly pipeline: string;
  /** The registry is their only writer. */
  readonly announcements: MemoryLog<SnapshotManifest>;
  readonly aliasChanges: MemoryLog<AliasChange>;
  /** By `component@serial`. */
  readonly models: Map<string, Uint8Array>;
  readonly retention: Retention;
  readonly neighbor: OpenNeighbor;
  readonly clock: Clock;
}

export function createMemoryRegistry(deps: MemoryRegistryDeps): Registry {
  const { pipeline, announcements, aliasChanges, models, retention, clock } = deps;
  const ledger = createSnapshotIndex();
  const aliases = createAliasIndex();

  const logOf = (component: string) => aliasChanges.values().filter((change) => change.component === component);
  const change = (component: string, alias: string, kind: AliasChange["kind"], serial: number | null, by: string) => {
    const previous = aliases.serial(component, alias);
    const made = frozen({ component, alias, kind, serial, previous, by, at: timestamp(clock) });
    aliases.take(made);
    aliasChanges.append(made);
    return made;
  };
  const manifestAt = (place: { readonly position: number } | undefined) =>
    place === undefined ? undefined : announcements.at(place.position);
  const find = (component: string, serial: number) =>
    manifestAt(findSnapshot(ledger, component, serial)) as SnapshotManifest;

  /** Nothing awaits here, so contenders take their serials one after the other. @param stored the bytes, if it is not linked */
  const announce = (
    draft: SnapshotDraft,
    { digest, size }: Pick<SnapshotManifest, "digest" | "size">,
    parent: number | null | "any",
    stored?: Uint8Array,
  ) => {
    const published = manifestAt(ledger.ofRun(draft.component, draft.runId));
    if (published !== undefined) {
      checkSameBytes(published, digest);
      return published;
    }
    const newest = ledger.latest(draft.component)?.serial ?? null;
    checkParent(draft.component, newest, parent);
    const manifest = frozen<SnapshotManifest>({
      ...draft,
      version: 2,
      serial: ledger.next(draft.component),
      parent: newest,
      digest,
      size,
      publishedAt: timestamp(clock),
    });
    if (stored !== undefined) models.set(snapshotName(manifest), stored);
    const { component, serial } = manifest;
    ledger.take({ position: announcements.append(manifest), component, serial }, { manifest });
    return manifest;
  };

  return {
    async publish(draft, bytes, parent, signal) {
      checkDraft(pipeline, draft, bytes.length);
      refuseOrigin(draft);
      const stored = bytes.slice();
      const digest = await sha256(stored);
      if (signal?.aborted) throw notPublished(draft);
      return announce(draft, { digest, size: stored.length }, parent, stored);
    },
    async link(draft, model, parent) {
      checkDraft(pipeline, draft, model.size);
      requireOrigin(draft);
      return announce(draft, model, parent);
    },
    async manifest(component, serial) {
      return find(component, serial);
    },
    async latest(component) {
      return manifestAt(ledger.latest(component));
    },
    async bytes(manifest, signal) {
      signal?.throwIfAborted();
      find(manifest.component, manifest.serial);
      // In this order: bytes that are gone by now have a tombstone.
      const model = models.get(snapshotName(manifest));
      const tombstone = await retention.tombstone(manifest.component, manifest.serial);
      if (tombstone !== undefined) throw new DeletedError(tombstone);
      const { origin } = manifest.provenance;
      if (model === undefined && origin !== undefined) return readLinkedModel(manifest, origin, deps.neighbor, signal);
      const digest = model && (await sha256(model));
      if (model === undefined || model.length !== manifest.size || digest !== manifest.digest) {
        throw new UncoupleError(
          "data-loss",
          `${snapshotName(manifest)}: ${model?.length} bytes with SHA-256 ${digest} are stored, its manifest says ${manifest.size} with ${manifest.digest}`,
        );
      }
      return model.slice();
    },
    async ofRun(component, runId) {
      return manifestAt(ledger.ofRun(component, runId));
    },
    async end() {
      return announcements.end();
    },
    async list(component) {
      const values = announcements.values();
      return component === undefined ? values : values.filter((manifest) => manifest.component === component);
    },
    async unreadable(component) {
      return ledger.unreadable(component);
    },
    async *watch(from, signal) {
      for await (const { position, value } of announcements.watch(from, signal)) yield { position, manifest: value };
    },
    async aliases(component) {
      return aliases.of(component);
    },
    async aliased(alias) {
      return aliases.aliased(alias);
    },
    async setAlias(component, alias, serial, expected, by) {
      checkName("component", component);
      checkName("alias", alias);
      return whilePinned(retention, component, async (pin) => {
        if (serial !== null) {
          find(component, serial);
          await pin({ [component]: serial });
        }
        checkAlias(aliases.serial(component, alias), component, alias, expected);
        return change(component, alias, "set", serial, by);
      });
    },
    async aliasLog(component) {
      return logOf(component);
    },
    watchAliases: (from, signal) => aliasChanges.watch(from, signal),
    async rollback(component, alias, by) {
      checkName("component", component);
      checkName("alias", alias);
      return whilePinned(retention, component, async (pin) => {
        for (;;) {
          const target = rollbackTarget(logOf(component), component, alias);
          await pin({ [component]: target });
          // Another change may have come first.
          if (rollbackTarget(logOf(component), component, alias) !== target) continue;
          return change(component, alias, "rollback", target, by);
        }
      });
    },
  };
}
