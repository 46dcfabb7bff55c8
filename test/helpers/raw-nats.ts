import { connect, type JetStreamManager, type NatsConnection } from "nats";

/** A client beside the backplane, for tests that look into the store or damage it. */
export interface RawNats {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** Messages of a stream whose subject matches. */
  count(stream: string, subjects: string): Promise<number>;
  close(): Promise<void>;
}

export async function connectRaw(url: string): Promise<RawNats> {
  const nc = await connect({ servers: url });
  const jsm = await nc.jetstreamManager();
  return {
    nc,
    jsm,
    async count(stream, subjects) {
      const info = await jsm.streams.info(stream, { subjects_filter: subjects });
      return Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    },
    close: () => nc.close(),
  };
}
