import type { StoreUsage } from "../usage.ts";
import type { NatsConnection } from "./nats-connection.ts";

/** Measures the model store, and what its account stores. Clients cannot see the limit of the server itself. */
export async function storeUsage(connection: NatsConnection, models: string): Promise<StoreUsage> {
  const [stream, account] = (await Promise.all([connection.api(`STREAM.INFO.${models}`), connection.api("INFO")])) as [
    { state: { bytes: number }; config: { max_bytes?: number } },
    { storage: number; limits?: { max_storage?: number } },
  ];
  // 0 and -1 stand for no limit.
  const limit = (bytes: number | undefined) => (bytes === undefined || bytes <= 0 ? null : bytes);
  return {
    models: { used: stream.state.bytes, limit: limit(stream.config.max_bytes) },
    server: { used: account.storage, limit: limit(account.limits?.max_storage) },
  };
}
