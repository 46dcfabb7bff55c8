import { createHash } from "node:crypto";
import { nuid } from "nats";
import { createRetry, type Retry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { StoredObject } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { readMessage, store, storeNow, streamState } from "./stream-api.ts";
import type { Names } from "./streams.ts";

/** Bytes of a chunk; less where the server's max_payload demands it. */
const CHUNK = 512 * 1024;
/** Room for subject and headers in a message. */
const ENVELOPE = 4 * 1024;
/** Chunks on their way at once: enough to keep the server busy, few enough to stay small. */
const WINDOW = 8;
/** A replica may lag behind the announcement; after these waits a chunk that is not there is missing. */
const LAG_WAITS_MS = [50, 200, 800] as const;

export interface ModelStore {
  /**
   * Stores bytes, whole before anyone can see them. They must not change meanwhile.
   * @param name the object's name begins with it; every attempt has a name of its own
   * @param digest their SHA-256, hex
   * @throws UncoupleError `resource-exhausted` naming --max-store-bytes when the store is full; `cancelled`
   */
  put(name: string, bytes: Uint8Array, digest: string, retry: Retry, signal?: AbortSignal): Promise<StoredObject>;
  /**
   * The bytes of a manifest, found right in size and SHA-256.
   * @throws UncoupleError `data-loss`
   */
  get(manifest: SnapshotManifest, object: StoredObject, signal?: AbortSignal): Promise<Uint8Array>;
  /** Removes an object that was never announced. */
  remove(object: StoredObject): Promise<void>;
  /**
   * Removes what nobody can see: chunks of uploads that never ended, and objects that no announcement names.
   * @param olderThanMs since the object's last message was stored, by this machine's clock and the server's: choose it
   *   far above the longest upload and any difference between clocks
   * @param announced the objects that announcements name; asked for after the store was listed
   * @returns the objects that were removed
   */
  sweep(olderThanMs: number, announced: () => Promise<ReadonlySet<string>>): Promise<readonly string[]>;
}

/**
 * Models in an object store bucket (NATS ADR-20), with a transfer of its own in place of the client library's: native
 * SHA-256, a window of awaited chunks on the way in, one request a chunk on the way out, so that a slow reader slows
 * the transfer and not the memory down.
 */
export function createModelStore(connection: NatsConnection, names: Names["models"], retryLimitMs: number): ModelStore {
  const { stream, subject, bucket } = names;
  const chunks = (id: string) => `${subject}.C.${id}`;
  const meta = (name: string) => `${subject}.M.${base64url(Buffer.from(name))}`;
  const purge = (filter: string) => connection.api(`STREAM.PURGE.${stream}`, { filter });

  const remove = async ({ name, nuid: id }: StoredObject) => {
    await purge(meta(name));
    await purge(chunks(id));
  };

  /** One attempt. A chunk is never sent again on its own: it could land out of order. */
  const upload = async (
    prefix: string,
    bytes: Uint8Array,
    digest: string,
    acknowledged: (chunks: number) => void,
    signal?: AbortSignal,
  ): Promise<StoredObject> => {
    const id = nuid.next();
    const name = `${prefix}/${id}`;
    const chunk = Math.min(CHUNK, connection.maxPayload() - ENVELOPE);
    const total = Math.ceil(bytes.length / chunk);
    const underway = new Set<Promise<void>>();
    let count = 0;
    let failure: { readonly error: unknown } | undefined;
    for (let at = 0; at < bytes.length && failure === undefined; at += chunk) {
      const sent: Promise<void> = storeNow(connection, chunks(id), bytes.subarray(at, at + chunk)).then(
        () => {
          underway.delete(sent);
          acknowledged(++count);
        },
        (error: unknown) => {
          underway.delete(sent);
          failure ??= { error };
        },
      );
      underway.add(sent);
      if (underway.size >= WINDOW) await Promise.race(underway);
      if (signal?.aborted) failure ??= { error: new UncoupleError("cancelled", `stopped storing ${name}`) };
    }
    await Promise.all(underway);
    try {
      if (failure !== undefined) throw failure.error;
      const kept = (await streamState(connection, stream, chunks(id))).subjects.get(chunks(id)) ?? 0;
      if (kept !== total) {
        throw new UncoupleError("unavailable", `${stream} kept ${kept} of ${total} chunks of ${name}`);
      }
      const info = {
        name,
        bucket,
        nuid: id,
        size: bytes.length,
        chunks: total,
        digest: `SHA-256=${base64url(Buffer.from(digest, "hex"))}`,
        mtime: timestamp(connection.clock),
        deleted: false,
        options: { max_chunk_size: chunk },
      };
      await store(connection, meta(name), Buffer.from(JSON.stringify(info)), 0);
      return { name, nuid: id };
    } catch (error) {
      // The metadata may have been stored, too. What cannot be removed now is removed by a sweep.
      await remove({ name, nuid: id }).catch(() => {});
      throw error;
    }
  };

  /** The first chunk from a sequence number on. */
  const nextChunk = async (id: string, from: number, retry: Retry) => {
    for (let lagged = 0; ; ) {
      try {
        const query = JSON.stringify({ seq: from, next_by_subj: chunks(id) });
        const message = await connection.request(`$JS.API.DIRECT.GET.${stream}`, query);
        const status = message.headers?.code ?? 0;
        if (status === 0) {
          retry.progress();
          return { sequence: Number(message.headers?.get("Nats-Sequence")), data: message.data };
        }
        if (status === 404) {
          const wait = LAG_WAITS_MS[lagged++];
          if (wait === undefined) return undefined;
          await connection.clock.sleep(wait);
        } else {
          throw new UncoupleError(
            "unavailable",
            `${stream} at ${connection.server}: ${message.headers?.description ?? status}`,
          );
        }
      } catch (error) {
        await retry.wait(error);
      }
    }
  };

  return {
    remove,
    async put(name, bytes, digest, retry, signal) {
      let furthest = 0;
      const acknowledged = (count: number) => {
        if (count <= furthest) return;
        furthest = count;
        retry.progress();
      };
      for (;;) {
        try {
          return await upload(name, bytes, digest, acknowledged, signal);
        } catch (error) {
          if (signal?.aborted) throw error;
          if (isJetStreamError(error, JetStreamCode.maximumBytesExceeded)) {
            throw new UncoupleError(
              "resource-exhausted",
              `the model store ${bucket} at ${connection.server} is full, ${bytes.length} bytes for ${name} do not fit: raise --max-store-bytes`,
              { cause: error },
            );
          }
          await retry.wait(error);
        }
      }
    },
    async get(manifest, object, signal) {
      const what = snapshotName(manifest);
      const retry = createRetry(retryPolicy(connection, retryLimitMs, signal));
      const bytes = new Uint8Array(manifest.size);
      const hash = createHash("sha256");
      const ahead = (from: number) => {
        const next = nextChunk(object.nuid, from, retry);
        next.catch(() => {});
        return next;
      };
      const stopped = () => new UncoupleError("cancelled", `stopped reading ${what}`);
      let size = 0;
      let next = ahead(1);
      while (size < manifest.size) {
        const chunk = await next.catch((error: unknown) => {
          throw signal?.aborted ? stopped() : error;
        });
        if (signal?.aborted) throw stopped();
        const end = size + (chunk?.data.length ?? 0);
        if (chunk === undefined || end > manifest.size) {
          throw new UncoupleError(
            "data-loss",
            `${what}: its manifest says ${manifest.size} bytes, ${stream} has ${chunk === undefined ? `only ${size}` : "more"}`,
          );
        }
        if (end < manifest.size) next = ahead(chunk.sequence + 1);
        hash.update(chunk.data);
        bytes.set(chunk.data, size);
        size = end;
      }
      const digest = hash.digest("hex");
      if (digest === manifest.digest) return bytes;
      throw new UncoupleError(
        "data-loss",
        `${what}: SHA-256 ${digest} was read from ${stream}, its manifest says ${manifest.digest}`,
      );
    },
    async sweep(olderThanMs, announced) {
      const stale = async (last: string) => {
        const message = await readMessage(connection, stream, { last_by_subj: last });
        return message !== undefined && connection.clock.now() - message.storedAt.getTime() > olderThanMs;
      };
      // What is stored is listed first, announcements are read last: an upload that ends in between is seen to be one.
      const uploads = [...(await streamState(connection, stream, chunks("*"))).subjects.keys()];
      const metas = [...(await streamState(connection, stream, meta("").concat("*"))).subjects.keys()];
      /** The subjects of every object, that of its metadata (if it has one) last. */
      const objects = new Map(uploads.map((upload) => [upload.slice(chunks("").length), [upload]]));
      for (const one of metas) {
        const message = await readMessage(connection, stream, { last_by_subj: one });
        const id = message && nuidOf(message.data);
        if (id !== undefined) objects.set(id, [...(objects.get(id) ?? []), one]);
      }
      const alive = await announced();
      const removed: string[] = [];
      for (const [id, subjects] of objects) {
        const last = subjects.at(-1);
        if (alive.has(id) || last === undefined || !(await stale(last))) continue;
        for (const one of subjects.toReversed()) await purge(one);
        removed.push(id);
      }
      return removed;
    },
  };
}

function base64url(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function nuidOf(data: Uint8Array): string | undefined {
  try {
    const info: unknown = JSON.parse(new TextDecoder().decode(data));
    if (typeof info !== "object" || info === null || !("nuid" in info)) return undefined;
    return typeof info.nuid === "string" ? info.nuid : undefined;
  } catch {
    return undefined; // Not written by an object store.
  }
}
