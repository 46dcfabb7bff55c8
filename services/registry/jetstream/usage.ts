import { LOG_KINDS, type Space, type StoreUsage } from "../usage.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import type { Names } from "./streams.ts";

interface StreamInfo {
  readonly state: { readonly bytes: number };
  readonly config: { readonly max_bytes?: number };
  /** The copies beside the leader's; absent without a cluster. */
  readonly cluster?: { readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[] };
}

/** Measures the streams of a pipeline, and what its account stores. Clients cannot see the limit of the server itself. */
export async function storeUsage(connection: NatsConnection, names: Names): Promise<StoreUsage> {
  const info = async (stream: string) => (await connection.api(`STREAM.INFO.${stream}`)) as StreamInfo;
  const [account, models, ...logs] = await Promise.all([
    connection.api("INFO") as Promise<{ storage: number; limits?: { max_storage?: number } }>,
    info(names.models.stream),
    // A store of version 0.1.0 lacks some until a service has connected.
    ...LOG_KINDS.map((kind) => info(names[kind].stream).catch(undefinedIfMissing)),
  ]);
  const copies = [models, ...logs].flatMap((stream) => stream?.cluster?.replicas ?? []);
  return {
    models: spaceOf(models),
    logs: Object.fromEntries(
      logs.flatMap((log, index) => (log === undefined ? [] : [[LOG_KINDS[index], spaceOf(log)]])),
    ),
    server: { used: account.storage, limit: limitOf(account.limits?.max_storage) },
    copiesBehind: copies.filter(({ current, offline }) => !current || offline === true).length,
  };
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isJetStreamError(error, JetStreamCode.streamNotFound)) throw error;
}

function spaceOf({ state, config }: StreamInfo): Space {
  return { used: state.bytes, limit: limitOf(config.max_bytes) };
}

/** 0 and -1 stand for no limit. */
function limitOf(bytes: number | undefined): number | null {
  return bytes === undefined || bytes <= 0 ? null : bytes;
}

/**
 * Compares this process's clock with that of the server that answers, to half of a round trip.
 * @returns seconds by which this process is ahead; undefined from a server older than 2.10, which does not tell its time
 */
export async function clockOffset(connection: NatsConnection, { leases }: Names): Promise<number | undefined> {
  const { clock } = connection;
  const asked = clock.now();
  const { ts } = (await connection.api(`STREAM.INFO.${leases.stream}`)) as { ts?: string };
  if (ts === undefined) return undefined;
  return ((asked + clock.now()) / 2 - Date.parse(ts)) / 1000;
}
