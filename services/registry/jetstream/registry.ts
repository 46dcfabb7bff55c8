import { createRetry, type Retry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { type SnapshotDraft, type SnapshotId, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import { type OpenNeighbor, readLinkedModel, refuseOrigin, requireOrigin } from "../linked-model.ts";
import { checkDraft, checkName } from "../names.ts";
import type { Registry } from "../registry.ts";
import { type Retention, whilePinned } from "../retention.ts";
import { checkParent, checkSameBytes, findSnapshot, notPublished } from "../snapshot-index.ts";
import type { Aliases } from "./aliases.ts";
import type { Announcements } from "./announcements.ts";
import type { StoredAnnouncement, StoredObject } from "./codec.ts";
import type { ModelStore } from "./model-store.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { OutcomeUnknown } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";

export interface JetStreamRegistryDeps {
  readonly connection: NatsConnection;
  readonly pipeline: string;
  readonly announcements: Announcements;
  readonly models: ModelStore;
  readonly aliases: Aliases;
  readonly retention: Retention;
  readonly neighbor: OpenNeighbor;
  readonly maxModelBytes: number;
  /** Milliseconds without progress after which a publish gives up. */
  readonly retryLimitMs: number;
}

export function createJetStreamRegistry(deps: JetStreamRegistryDeps): Registry {
  const { announcements, models, aliases, retention, maxModelBytes } = deps;
  const { ledger, log } = announcements;

  const checkSize = (what: string, size: number) => {
    if (size <= maxModelBytes) return;
    throw new UncoupleError(
      "resource-exhausted",
      `${what}: a model of ${size} bytes is larger than --max-model-bytes, ${maxModelBytes}`,
    );
  };
  const newestOf = (component: string) => ledger.latest(component)?.serial ?? null;
  const find = async (component: string, serial: number): Promise<StoredAnnouncement> => {
    if (ledger.get(component, serial) === undefined) await log.sync();
    return log.at(findSnapshot(ledger, component, serial).position);
  };
  const refuseDeleted = async ({ component, serial }: SnapshotId) => {
    const tombstone = await retention.tombstone(component, serial);
    if (tombstone !== undefined) throw new DeletedError(tombstone);
  };
  const manifestAt = async (place: { readonly position: number } | undefined) =>
    place === undefined ? undefined : (await log.at(place.position)).manifest;

  /** The snapshot that the run has already announced, if it announces again. */
  const announcedBy = async ({ component, runId }: SnapshotDraft, digest: string, retry: Retry) => {
    const place = ledger.ofRun(component, runId);
    if (place === undefined) return undefined;
    const stored = await retry.run(() => log.at(place.position));
    checkSameBytes(stored.manifest, digest);
    return stored;
  };
  /** Announces under the next free serial. @param object where the bytes are; undefined for a linked snapshot */
  const announce = async (
    draft: SnapshotDraft,
    { digest, size }: Pick<SnapshotManifest, "digest" | "size">,
    parent: number | null | "any",
    object?: StoredObject,
    traceparent?: string,
  ): Promise<StoredAnnouncement> => {
    const { component } = draft;
    const retry = createRetry(retryPolicy(deps.connection, deps.retryLimitMs));
    for (;;) {
      const earlier = await announcedBy(draft, digest, retry);
      if (earlier !== undefined) return earlier;
      const newest = newestOf(component);
      // Other publishers may have announced during the upload.
      checkParent(component, newest, parent);
      const serial = ledger.next(component);
      const manifest: SnapshotManifest = {
        ...draft,
        version: 2,
        serial,
        parent: newest,
        digest,
        size,
        publishedAt: timestamp(deps.connection.clock),
      };
      const value: StoredAnnouncement = { manifest, ...(object !== undefined && { object }) };
      // Whatever is on the subject has taken the serial.
      if (await log.append(announcements.subject(component, serial), value, 0, retry, traceparent)) return value;
      // Another publisher has taken the serial: that is progress.
      retry.progress();
    }
  };

  return {
    async publish(draft, bytes, parent, signal, traceparent) {
      checkDraft(deps.pipeline, draft, bytes.length);
      refuseOrigin(draft);
      checkSize(draft.component, bytes.length);
      const { component, runId } = draft;
      const stoppable = createRetry(retryPolicy(deps.connection, deps.retryLimitMs, signal));
      const unlessStopped = (error: unknown): never => {
        throw signal?.aborted ? notPublished(draft) : error;
      };
      const digest = await sha256(bytes);
      // Check before the upload, so that an existing conflict costs nothing.
      await stoppable.run(() => log.sync()).catch(unlessStopped);
      const before = await announcedBy(draft, digest, stoppable).catch(unlessStopped);
      if (before !== undefined) return before.manifest;
      checkParent(component, newestOf(component), parent);

      if (signal?.aborted) throw notPublished(draft);
      const object = await models.put(`${component}/${runId}`, bytes, digest, stoppable, signal).catch(unlessStopped);
      // The last chance to cancel: once an announcement is sent, only the stream knows the outcome.
      if (signal?.aborted) {
        await models.remove(object).catch(() => {});
        throw notPublished(draft);
      }
      try {
        const announced = await announce(draft, { digest, size: bytes.length }, parent, object, traceparent);
        if (announced.object?.nuid !== object.nuid) await models.remove(object).catch(() => {});
        return announced.manifest;
      } catch (error) {
        // Bytes that may be announced must stay; if they are not, the orphan sweep removes them.
        if (!(error instanceof OutcomeUnknown)) await models.remove(object).catch(() => {});
        throw error;
      }
    },
    async link(draft, model, parent) {
      checkDraft(deps.pipeline, draft, model.size);
      requireOrigin(draft);
      await createRetry(retryPolicy(deps.connection, deps.retryLimitMs)).run(() => log.sync());
      return (await announce(draft, model, parent)).manifest;
    },
    manifest: async (component, serial) => (await find(component, serial)).manifest,
    async latest(component) {
      await log.sync();
      return manifestAt(ledger.latest(component));
    },
    async bytes(manifest, signal) {
      const { object } = await find(manifest.component, manifest.serial);
      checkSize(snapshotName(manifest), manifest.size);
      await refuseDeleted(manifest);
      if (object === undefined) return readLinkedModel(manifest, requireOrigin(manifest), deps.neighbor, signal);
      try {
        return await models.get(snapshotName(manifest), manifest, object, signal);
      } catch (error) {
        // The bytes may have been deleted while they were read.
        await refuseDeleted(manifest);
        throw error;
      }
    },
    async ofRun(component, runId) {
      await log.sync();
      return manifestAt(ledger.ofRun(component, runId));
    },
    async end() {
      await log.sync();
      return log.end();
    },
    async list(component) {
      await log.sync();
      return announcements.manifests(component);
    },
    async unreadable(component) {
      await log.sync();
      return ledger.unreadable(component);
    },
    async *watch(from, signal) {
      for await (const { position, value } of log.watch(from, signal)) yield { position, manifest: value.manifest };
    },
    aliases: (component) => aliases.now(component),
    aliased: (alias) => aliases.aliased(alias),
    async setAlias(component, alias, serial, expected, by) {
      checkName("component", component);
      checkName("alias", alias);
      if (serial === null) return aliases.set(component, alias, serial, expected, by);
      await find(component, serial);
      return whilePinned(retention, component, async (pin) => {
        await pin({ [component]: serial });
        return aliases.set(component, alias, serial, expected, by);
      });
    },
    aliasLog: (component) => aliases.log(component),
    watchAliases: (from, signal) => aliases.watch(from, signal),
    rollback: (component, alias, by) =>
      whilePinned(retention, component, (pin) =>
        aliases.rollback(component, alias, by, (serial) => pin({ [component]: serial })),
      ),
  };
}
