import { join, resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { partFolder } from "../../simulator/jobs/part-folder.ts";
import type { PartPlace } from "../../simulator/jobs/part-place.ts";
import type { CliContext } from "../context/context.ts";
import { type NatsFlags, natsAccess } from "../flags/nats-flags.ts";

/** The folder of results, where no flag names one. */
export const RESULTS = join("out", "simulate");

/** Whether the name of a place is that of a bucket, a URL, and not that of a folder. */
export function isBucket(name: string): boolean {
  return /^\w+:\/\//.test(name);
}

/**
 * Runs `work` with the places of parts that a user named: folders of results, and buckets as nats://HOST:PORT/BUCKET.
 *
 * @param options create: whether to create missing buckets
 * @throws UncoupleError `invalid-argument` for an invalid name; as `openObjectBucket`; what `work` throws
 */
export async function withPartPlaces<T>(
  context: CliContext,
  flags: NatsFlags,
  names: readonly string[],
  options: { readonly create: boolean },
  work: (places: readonly PartPlace[]) => Promise<T>,
): Promise<T> {
  const places: PartPlace[] = [];
  const closers: (() => Promise<void>)[] = [];
  try {
    for (const name of names) {
      if (!isBucket(name)) {
        places.push(partFolder(resolve(context.cwd, name)));
        continue;
      }
      const { place, close } = await openPartBucket(context, flags, name, options.create);
      places.push(place);
      closers.push(close);
    }
    return await work(places);
  } finally {
    for (const close of closers) await close();
  }
}

async function openPartBucket(context: CliContext, flags: NatsFlags, name: string, create: boolean) {
  const [, address, bucket] = /^(.+[^/:])\/([^/]+)$/.exec(name) ?? [];
  if (address === undefined || bucket === undefined) {
    const shown = name.replaceAll(/\/\/[^/@,]*@/g, "//");
    throw new UncoupleError("invalid-argument", `invalid bucket ${shown}: expected nats://HOST:PORT/BUCKET`);
  }
  const { openObjectBucket } = await import("../../registry/jetstream/object-bucket.ts");
  const { clock } = context;
  const access = natsAccess(context, flags, address);
  const objects = await openObjectBucket({ ...access, bucket, clock, name: "uncouple simulate", create });
  const place: PartPlace = {
    kind: "bucket",
    path: `${objects.server}/${bucket}`,
    read: async (text) => (await objects.read(text)).map((bytes) => Buffer.from(bytes).toString()),
    write: (text, content) => objects.write(text, Buffer.from(content)),
  };
  return { place, close: () => objects.close() };
}
