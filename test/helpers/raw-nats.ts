import { connect, type JetStreamManager, type NatsConnection } from "nats";

/** A client beside the backplane, for tests that look into the store or damage it. */
export interface RawNats {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** Messages of a stream whose subject matches. */
  count(stream: string, subjects: string): Promise<number>;
  /** The name of the server that leads a stream; undefined while there is none. */
  leader(stream: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export async function connectRaw(url: string): Promise<RawNats> {
  const nc = await connect({ servers: url });
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  return {
    nc,
    jsm,
    async count(stream, subjects) {
      const info = await jsm.streams.info(stream, { subjects_filter: subjects });
      return Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    },
    leader: async (stream) => (await jsm.streams.info(stream).catch(() => undefined))?.cluster?.leader,
    close: () => nc.close(),
  };
}
