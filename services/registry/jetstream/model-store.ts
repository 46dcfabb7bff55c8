import { createHash } from "node:crypto";
import { nuid } from "nats";
import { z } from "zod";
import { createRetry, type Retry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { StoredObject } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { readMessage, store, storeNow, streamState } from "./stream-api.ts";
import type { Names } from "./streams.ts";

/** Chunk size in bytes; smaller if the server's max_payload requires it. */
const CHUNK = 512 * 1024;
/** Room for subject and headers in a message. */
const ENVELOPE = 4 * 1024;
/** Chunks in flight: enough to keep the server busy, few enough to bound memory. */
const WINDOW = 8;
/** A replica may lag behind the announcement; after these waits, the leader is asked for an absent chunk. */
const LAG_WAITS_MS = [50, 200, 800] as const;

/** What is known of the bytes of an object before they are read. */
export type ObjectFacts = Pick<SnapshotManifest, "size" | "digest">;
/** What a manifest says of its model. */
export type ModelFacts = Pick<SnapshotManifest, "component" | "serial"> & ObjectFacts;

export interface ModelStore {
  /**
   * Stores bytes, which become visible only when complete. The caller must not modify them in the meantime.
   * @param name prefix of the object's name, COMPONENT/RUN; every attempt gets a unique name
   * @param digest their SHA-256, hex
   * @throws UncoupleError `resource-exhausted` naming --max-store-bytes if the store is full; `cancelled`
   */
  put(name: string, bytes: Uint8Array, digest: string, retry: Retry, signal?: AbortSignal): Promise<StoredObject>;
  /** As `put`, under the name that an announcement has: of a backup. */
  restore(object: StoredObject, bytes: Uint8Array, digest: string, retry: Retry, signal?: AbortSignal): Promise<void>;
  /**
   * Returns the bytes of an object, with size and SHA-256 verified.
   * @param what the name of the bytes in errors; @param facts of their manifest
   * @throws UncoupleError `data-loss`
   */
  get(what: string, facts: ObjectFacts, object: StoredObject, signal?: AbortSignal): Promise<Uint8Array>;
  /** Reads size and digest of an object from its metadata; undefined if it has none that is valid. */
  describe(object: StoredObject): Promise<ObjectFacts | undefined>;
  /** Removes an object: one that was never announced, or whose snapshot has a tombstone. */
  remove(object: StoredObject): Promise<void>;
  /** Returns the ids of all objects that have bytes, also of unfinished uploads and removals. */
  stored(): Promise<readonly string[]>;
  /**
   * Removes unreachable objects: chunks of unfinished uploads, and objects that no announcement names.
   * @param olderThanMs milliseconds since the object's last message was stored, by this machine's clock and the server's;
   *   choose it far above the longest upload and any clock difference
   * @param announced returns the announced objects; called after the store has been listed
   * @param removes whether to remove them, or only to look
   * @returns the unreachable objects
   */
  sweep(
    olderThanMs: number,
    announced: () => Promise<Pick<ReadonlySet<string>, "has">>,
    removes: boolean,
  ): Promise<readonly string[]>;
}

/**
 * Models in an object store bucket (NATS ADR-20). Replaces the client library's transfer: native SHA-256, a window of
 * awaited chunks for uploads, and one request per chunk for downloads, so that a slow reader does not cost memory.
 */
export function createModelStore(connection: NatsConnection, names: Names["models"], retryLimitMs: number): ModelStore {
  const { stream, subject, bucket } = names;
  const chunks = (id: string) => `${subject}.C.${id}`;
  const meta = ({ name, nuid: id }: StoredObject) => `${subject}.M.${scopeOf(id)}${base64url(Buffer.from(name))}`;
  const purge = (filter: string) => connection.api(`STREAM.PURGE.${stream}`, { filter });

  const remove = async (object: StoredObject) => {
    await purge(meta(object));
    await purge(chunks(object.nuid));
  };

  /** One upload attempt. Single chunks are never resent: they could arrive out of order. */
  const upload = async (
    { name, nuid: id }: StoredObject,
    bytes: Uint8Array,
    digest: string,
    acknowledged: (chunks: number) => void,
    signal?: AbortSignal,
  ): Promise<void> => {
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
      await store(connection, meta({ name, nuid: id }), Buffer.from(JSON.stringify(info)), 0);
    } catch (error) {
      // The metadata may have been stored as well. The sweep removes what cannot be removed now.
      await remove({ name, nuid: id }).catch(() => {});
      throw error;
    }
  };

  /** Repeats uploads during outages. @param next the object of an attempt */
  const uploadUntilStored = async (
    next: () => StoredObject,
    bytes: Uint8Array,
    digest: string,
    retry: Retry,
    signal?: AbortSignal,
  ): Promise<StoredObject> => {
    let furthest = 0;
    const acknowledged = (count: number) => {
      if (count <= furthest) return;
      furthest = count;
      retry.progress();
    };
    for (;;) {
      const object = next();
      try {
        await upload(object, bytes, digest, acknowledged, signal);
        return object;
      } catch (error) {
        if (signal?.aborted) throw error;
        if (isJetStreamError(error, JetStreamCode.maximumBytesExceeded)) {
          throw new UncoupleError(
            "resource-exhausted",
            `the model store ${bucket} at ${connection.server} is full, ${bytes.length} bytes for ${object.name} do not fit: raise --max-store-bytes`,
            { cause: error },
          );
        }
        await retry.wait(error);
      }
    }
  };

  /** Returns the first chunk at or after a sequence number. */
  const nextChunk = async (id: string, from: number, retry: Retry) => {
    for (let lagged = 0; ; ) {
      try {
        const query = JSON.stringify({ seq: from, next_by_subj: chunks(id) });
        const message = await connection.ask(`$JS.API.DIRECT.GET.${stream}`, query);
        const status = message.headers?.code ?? 0;
        if (status === 0) {
          retry.progress();
          return { sequence: Number(message.headers?.get("Nats-Sequence")), data: message.data };
        }
        if (status === 404) {
          const wait = LAG_WAITS_MS[lagged++];
          // A replica whose disk failed lags forever: only the leader knows what is missing.
          if (wait === undefined) return await readMessage(connection, stream, { seq: from, next_by_subj: chunks(id) });
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

  const stored = async () => {
    const { subjects } = await streamState(connection, stream, chunks(">"));
    return [...subjects.keys()].map((one) => one.slice(chunks("").length));
  };

  return {
    remove,
    stored,
    put(prefix, bytes, digest, retry, signal) {
      // A restricted account may only write on subjects of its own components.
      const scope = connection.restricted ? `${prefix.split("/")[0]}.` : "";
      const next = () => {
        const unique = nuid.next();
        return { name: `${prefix}/${unique}`, nuid: scope + unique };
      };
      return uploadUntilStored(next, bytes, digest, retry, signal);
    },
    async restore(object, bytes, digest, retry, signal) {
      await uploadUntilStored(() => object, bytes, digest, retry, signal);
    },
    async describe(object) {
      const message = await readMessage(connection, stream, { last_by_subj: meta(object) });
      const info = message && infoOf(message.data);
      const digest = info?.digest === undefined ? undefined : /^SHA-256=([\w-]{43}=)$/.exec(info.digest)?.[1];
      if (info?.size === undefined || digest === undefined) return undefined;
      return { size: info.size, digest: Buffer.from(digest, "base64url").toString("hex") };
    },
    async get(what, facts, object, signal) {
      const retry = createRetry(retryPolicy(connection, retryLimitMs, signal));
      const bytes = new Uint8Array(facts.size);
      const hash = createHash("sha256");
      const ahead = (from: number) => {
        const next = nextChunk(object.nuid, from, retry);
        next.catch(() => {});
        return next;
      };
      const stopped = () => new UncoupleError("cancelled", `stopped reading ${what}`);
      let size = 0;
      let next = ahead(1);
      while (size < facts.size) {
        const chunk = await next.catch((error: unknown) => {
          throw signal?.aborted ? stopped() : error;
        });
        if (signal?.aborted) throw stopped();
        const end = size + (chunk?.data.length ?? 0);
        if (chunk === undefined || end > facts.size) {
          throw new UncoupleError(
            "data-loss",
            `${what}: its manifest says ${facts.size} bytes, ${stream} has ${chunk === undefined ? `only ${size}` : "more"}`,
          );
        }
        if (end < facts.size) next = ahead(chunk.sequence + 1);
        hash.update(chunk.data);
        bytes.set(chunk.data, size);
        size = end;
      }
      const digest = hash.digest("hex");
      if (digest === facts.digest) return bytes;
      throw new UncoupleError(
        "data-loss",
        `${what}: SHA-256 ${digest} was read from ${stream}, its manifest says ${facts.digest}`,
      );
    },
    async sweep(olderThanMs, announced, removes) {
      const stale = async (last: string) => {
        const message = await readMessage(connection, stream, { last_by_subj: last });
        return message !== undefined && connection.clock.now() - message.storedAt.getTime() > olderThanMs;
      };
      // The store is listed before the announcements are read, so an upload that completes in between is recognized.
      const uploads = await stored();
      const metas = [...(await streamState(connection, stream, `${subject}.M.>`)).subjects.keys()];
      /** The subjects of every object, that of its metadata (if it has one) last. */
      const objects = new Map(uploads.map((id) => [id, [chunks(id)]]));
      for (const one of metas) {
        const message = await readMessage(connection, stream, { last_by_subj: one });
        const id = message && infoOf(message.data)?.nuid;
        if (id !== undefined) objects.set(id, [...(objects.get(id) ?? []), one]);
      }
      const alive = await announced();
      const unreachable: string[] = [];
      for (const [id, subjects] of objects) {
        const last = subjects.at(-1);
        if (alive.has(id) || last === undefined || !(await stale(last))) continue;
        if (removes) for (const one of subjects.toReversed()) await purge(one);
        unreachable.push(id);
      }
      return unreachable;
    },
  };
}

/** The part of an object's id that names its component, with the dot; empty for the others. */
function scopeOf(id: string): string {
  return id.slice(0, id.indexOf(".") + 1);
}

function base64url(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

const objectInfo = z.object({ nuid: z.string(), size: z.int().min(0).optional(), digest: z.string().optional() });

/** The metadata of an object (NATS ADR-20); undefined if it was not written by an object store. */
function infoOf(data: Uint8Array): z.infer<typeof objectInfo> | undefined {
  try {
    return objectInfo.safeParse(JSON.parse(new TextDecoder().decode(data))).data;
  } catch {
    return undefined;
  }
}
