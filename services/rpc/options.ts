/** Largest message in bytes, both ways, where nothing else is said. Models travel in chunks and may be far larger. */
export const defaultMaxMessageBytes = 16 * 2 ** 20;

/** Bytes of a model in one message: larger ones are no faster, smaller ones cost more calls. */
export const chunkBytes = 512 * 2 ** 10;

/** Pings on idle connections, so that a watch stream notices a peer that is gone without a word. */
export const keepAlive = { "grpc.keepalive_time_ms": 20_000, "grpc.keepalive_timeout_ms": 10_000 } as const;
