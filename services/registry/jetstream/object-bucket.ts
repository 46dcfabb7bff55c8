import { createHash } from "node:crypto";
import { createRetry, retry } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { StoredObject } from "./codec.ts";
import { throughHub } from "./hub-connection.ts";
import { createModelStore } from "./model-store.ts";
import type { NatsAuth } from "./nats-auth.ts";
import { openNatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { findStream, streamState } from "./stream-api.ts";
import { bucketConfig } from "./stream-config.ts";
import { ensureStream } from "./streams.ts";

export interface ObjectBucketOptions extends NatsAuth {
  /** As `JetStreamOptions.url`. */
  readonly url: string;
  readonly bucket: string;
  readonly clock: Clock;
  /** Name of this client in the server's monitoring. */
  readonly name: string;
  /** Whether to create a missing bucket. */
  readonly create: boolean;
}

/** Files by name in an object store bucket (NATS ADR-20) that belongs to no pipeline. */
export interface ObjectBucket {
  /** The address of the server, for messages. */
  readonly server: string;
  /**
   * The intact contents of every write of that name, in no order: writes never replace one another.
   * @throws UncoupleError as NatsConnection.request
   */
  read(name: string): Promise<readonly Uint8Array[]>;
  /** @throws UncoupleError `resource-exhausted` if the bucket or its server is full; `unavailable` after a minute of outage */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Names of buckets, without those of pipelines. */
const BUCKET = /^(?!uncouple-)[\w-]{1,128}$/;
/** How long a write or a read retries without progress during an outage. */
const RETRY_LIMIT_MS = 60_000;
/** A server that has just started may not have loaded its streams yet. */
const SETUP_LIMIT_MS = 20_000;

/**
 * Connects to a bucket.
 *
 * @throws UncoupleError `invalid-argument` for an invalid name, or that of a pipeline's bucket; `not-found` if it is missing
 *   and not to be created; `failed-precondition` for a user who may not create streams; as `openNatsConnection`
 */
export async function openObjectBucket(options: ObjectBucketOptions): Promise<ObjectBucket> {
  const { bucket, create } = options;
  if (!BUCKET.test(bucket)) {
    throw new UncoupleError(
      "invalid-argument",
      `invalid bucket ${JSON.stringify(bucket)}: expected letters, digits, hyphens and underscores; uncouple-... belong to pipelines`,
    );
  }
  const connection = await openNatsConnection({ ...options, log: () => {} });
  const { server } = connection;
  const names = { bucket, stream: `OBJ_${bucket}`, subject: `$O.${bucket}` };
  try {
    await retry(retryPolicy(connection, SETUP_LIMIT_MS), async () => {
      if ((await throughHub(connection)).restricted) throw forbidden(`${server} has no JetStream in this account`);
      const found = await findStream(connection, names.stream).catch((error: unknown) => {
        if (!(error instanceof UncoupleError) || error.code !== "failed-precondition") throw error;
        throw forbidden(`${server} does not permit it`, error);
      });
      if (found !== undefined) return;
      if (!create) throw new UncoupleError("not-found", `the NATS server at ${server} has no bucket ${bucket}`);
      await ensureStream(connection, bucketConfig(names));
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
  function forbidden(why: string, cause?: UncoupleError): UncoupleError {
    return new UncoupleError(
      "failed-precondition",
      `the bucket ${bucket} needs a user who may create streams: the NATS server at ${why}; give it an account of its own (docs/simulator.md)`,
      { cause },
    );
  }
  const objects = createModelStore(connection, names, RETRY_LIMIT_MS);
  const retried = () => createRetry(retryPolicy(connection, RETRY_LIMIT_MS));
  /** Of the listing, which is read again after a write. */
  let listed: Promise<ReadonlyMap<string, readonly StoredObject[]>> | undefined;

  async function list(): Promise<ReadonlyMap<string, readonly StoredObject[]>> {
    const { subjects } = await retried().run(() => streamState(connection, names.stream, `${names.subject}.M.>`));
    const found = new Map<string, StoredObject[]>();
    for (const subject of subjects.keys()) {
      const name = Buffer.from(subject.slice(`${names.subject}.M.`.length), "base64url").toString();
      const [, prefix, nuid] = /^(.+)\/([^/]+)$/s.exec(name) ?? [];
      if (prefix === undefined || nuid === undefined) continue;
      found.set(prefix, [...(found.get(prefix) ?? []), { name, nuid }]);
    }
    return found;
  }

  return {
    server,
    async read(name) {
      listed ??= list();
      const contents = await Promise.all(
        ((await listed).get(name) ?? []).map(async (object) => {
          const facts = await retried().run(() => objects.describe(object));
          if (facts === undefined) return [];
          try {
            return [await objects.get(name, facts, object)];
          } catch (error) {
            if (error instanceof UncoupleError && error.code === "data-loss") return [];
            throw error;
          }
        }),
      );
      return contents.flat();
    },
    async write(name, bytes) {
      const digest = createHash("sha256").update(bytes).digest("hex");
      try {
        await objects.put(name, bytes, digest, retried());
      } catch (cause) {
        if (!(cause instanceof UncoupleError) || cause.code !== "resource-exhausted") throw cause;
        const full = `the bucket ${bucket} at ${server} is full: ${bytes.length} bytes for ${name} do not fit`;
        throw new UncoupleError("resource-exhausted", full, { cause });
      } finally {
        listed = undefined;
      }
    },
    close: () => connection.close(),
  };
}
