/** Default size limit of a message in either direction, in bytes. Models are sent in chunks and may be far larger. */
export const defaultMaxMessageBytes = 16 * 2 ** 20;

/** Chunk size of a model in bytes: larger chunks are not faster, smaller ones need more messages. */
export const chunkBytes = 512 * 2 ** 10;

/** Keepalive pings on idle connections, so that watch streams notice a dead peer. */
export const keepAlive = { "grpc.keepalive_time_ms": 20_000, "grpc.keepalive_timeout_ms": 10_000 } as const;

/** Key of the metadata with a caller's W3C trace context, as OpenTelemetry names it. */
export const TRACEPARENT = "traceparent";
