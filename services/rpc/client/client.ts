import { type ChannelOptions, Client, type ClientReadableStream, credentials, Metadata } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { defaultMaxMessageBytes, keepAlive, TRACEPARENT } from "../options.ts";
import { type ClientContext, fromStatus } from "../status.ts";
import { type ClientTls, clientCredentials } from "../tls.ts";
import { cancelled, type Method } from "./method.ts";
import { duplex, upload } from "./sending.ts";

export interface ConnectOptions {
  readonly clock: Clock;
  /**
   * Timeout of a call, and of a finite stream without progress, in seconds. Watch streams have no timeout.
   */
  readonly deadlineSeconds?: number;
  /** Plain text if not set. */
  readonly tls?: ClientTls;
  /** Size limit of a message in either direction, in bytes. */
  readonly maxMessageBytes?: number;
}

export interface CallOptions {
  /** The caller's W3C trace context. */
  readonly traceparent?: string;
  readonly signal?: AbortSignal | undefined;
  /** Replaces that of the connection. */
  readonly deadlineSeconds?: number;
}

export interface ClientCalls extends ClientContext {
  /** @throws UncoupleError `cancelled` if the signal aborts */
  unary<Q, S>(method: Method<Q, S>, request: Q, options?: CallOptions): Promise<S>;
  /**
   * Yields messages until the server ends the stream. Each must arrive within the timeout after the previous one.
   * @throws UncoupleError `cancelled` if the signal aborts
   */
  finite<Q, S>(method: Method<Q, S>, request: Q, signal?: AbortSignal): AsyncIterable<S>;
  /** Yields messages until the server ends the stream or, without an error, until the signal aborts. */
  watch<Q, S>(method: Method<Q, S>, request: Q, signal: AbortSignal): AsyncIterable<S>;
  /**
   * Sends messages, one after another, until there are no more or the server has answered. Each must be sent, and the answer
   * arrive, within the timeout after the one before.
   * @param onSent called when a message has left this process
   * @throws UncoupleError `cancelled` if the signal aborts; what the messages throw
   */
  upload<Q, S>(
    method: Method<Q, S>,
    messages: Iterable<Q>,
    onSent: (message: Q) => void,
    signal?: AbortSignal,
  ): Promise<S>;
  /**
   * Sends messages and yields those of the server until it ends the stream or, without an error, until the signal aborts.
   * @param messages must end when the signal aborts
   */
  duplex<Q, S>(method: Method<Q, S>, messages: AsyncIterable<Q>, signal: AbortSignal): AsyncIterable<S>;
  close(): void;
}

/**
 * @param service full name of the service
 * @param reads its read-only methods, which may be retried while the server is unavailable
 * @param connection `own`: one that no other client shares, even one with equal options
 */
export function clientCalls(
  address: string,
  service: string,
  reads: readonly string[],
  options: ConnectOptions,
  connection: "shared" | "own" = "shared",
): ClientCalls {
  if (!/:\d+$/.test(address)) {
    throw new UncoupleError("invalid-argument", `address ${JSON.stringify(address)} is not host:port`);
  }
  const context: ClientContext = {
    address,
    deadlineSeconds: options.deadlineSeconds ?? 10,
    maxMessageBytes: options.maxMessageBytes ?? defaultMaxMessageBytes,
  };
  const { clock } = options;
  const { deadlineSeconds } = context;
  const client = new Client(
    address,
    options.tls === undefined ? credentials.createInsecure() : clientCredentials(options.tls),
    {
      ...channelOptions(context.maxMessageBytes, service, reads),
      ...(connection === "own" && { "grpc.use_local_subchannel_pool": 1 }),
    },
  );

  /** @param idleSeconds timeout without a message */
  async function* messages<Q, S>(
    method: Method<Q, S>,
    request: Q,
    signal: AbortSignal | undefined,
    idleSeconds: number | undefined,
  ): AsyncIterable<S> {
    if (signal?.aborted) return;
    const call: ClientReadableStream<S> = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    );
    let late: UncoupleError | undefined;
    let timer: Timer | undefined;
    const watchProgress = () => {
      if (idleSeconds === undefined) return;
      timer?.cancel();
      timer = clock.after(idleSeconds * 1000, () => {
        const message = `no progress from ${address} within deadlineSeconds = ${idleSeconds}`;
        late = new UncoupleError("deadline-exceeded", message);
        call.cancel();
      });
    };
    const onAbort = () => call.cancel();
    signal?.addEventListener("abort", onAbort);
    // grpc-js reports a cancellation as an error even if the stream is no longer read.
    call.on("error", () => {});
    try {
      watchProgress();
      for await (const message of call) {
        // The timeout pauses while the reader handles a message.
        timer?.cancel();
        if (signal?.aborted) return;
        yield message as S;
        watchProgress();
      }
    } catch (thrown) {
      if (late !== undefined) throw late;
      if (signal?.aborted) return;
      throw fromStatus(thrown, context);
    } finally {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
      call.cancel();
    }
  }

  return {
    ...context,
    unary: (method, request, { signal, deadlineSeconds: seconds = deadlineSeconds, traceparent } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(cancelled(signal));
        const metadata = new Metadata();
        if (traceparent !== undefined) metadata.set(TRACEPARENT, traceparent);
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadata,
          { deadline: clock.now() + seconds * 1000 },
          (error, response) => {
            signal?.removeEventListener("abort", onAbort);
            if (signal?.aborted) reject(cancelled(signal));
            else if (error !== null) reject(fromStatus(error, { ...context, deadlineSeconds: seconds }));
            else if (response !== undefined) resolve(response);
            else reject(new UncoupleError("data-loss", `${address}: response without a message`));
          },
        );
        const onAbort = () => call.cancel();
        signal?.addEventListener("abort", onAbort);
      }),
    async *finite(method, request, signal) {
      yield* messages(method, request, signal, deadlineSeconds);
      if (signal?.aborted) throw cancelled(signal);
    },
    watch: (method, request, signal) => messages(method, request, signal, undefined),
    upload: (method, sent, onSent, signal) => upload(client, context, clock, method, sent, onSent, signal),
    duplex: (method, sent, signal) => duplex(client, context, method, sent, signal),
    close: () => client.close(),
  };
}

function channelOptions(maxMessageBytes: number, service: string, reads: readonly string[]): ChannelOptions {
  return {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    ...keepAlive,
    // Services of a pipeline are on the same network; a proxy for outbound traffic does not apply.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config": JSON.stringify({
      loadBalancingConfig: [{ pick_first: {} }],
      methodConfig: [
        {
          name: reads.map((method) => ({ service, method })),
          retryPolicy: {
            maxAttempts: 4,
            initialBackoff: "0.1s",
            maxBackoff: "1s",
            backoffMultiplier: 2,
            retryableStatusCodes: ["UNAVAILABLE"],
          },
        },
      ],
    }),
  };
}
