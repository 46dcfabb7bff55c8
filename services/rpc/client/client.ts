import { type ChannelOptions, Client, type ClientReadableStream, credentials, Metadata } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { defaultMaxMessageBytes, keepAlive } from "../options.ts";
import { type ClientContext, fromStatus } from "../status.ts";
import { type ClientTls, clientCredentials } from "../tls.ts";

export interface ConnectOptions {
  readonly clock: Clock;
  /**
   * How long a call may take, and how long a finite stream may give no sign of progress, in seconds. Watch streams
   * have no limit.
   */
  readonly deadlineSeconds?: number;
  /** Plain text without it. */
  readonly tls?: ClientTls;
  /** Largest message taken or sent, in bytes. */
  readonly maxMessageBytes?: number;
}

/** The part of a generated method definition that a client needs: path, request in, response out. */
interface Method<Q, S> {
  readonly path: string;
  requestSerialize(request: Q): Buffer;
  responseDeserialize(bytes: Buffer): S;
}

export interface ClientCalls extends ClientContext {
  unary<Q, S>(method: Method<Q, S>, request: Q): Promise<S>;
  /**
   * Messages until the server ends the stream; each within the deadline of the one before.
   * @throws UncoupleError `cancelled` when the signal aborts
   */
  finite<Q, S>(method: Method<Q, S>, request: Q, signal?: AbortSignal): AsyncIterable<S>;
  /** Messages until the server ends the stream, or, without an error, until the signal aborts. */
  watch<Q, S>(method: Method<Q, S>, request: Q, signal: AbortSignal): AsyncIterable<S>;
  close(): void;
}

/**
 * @param service its full name
 * @param reads its methods that change nothing, and so may be repeated while the server is unavailable
 */
export function clientCalls(
  address: string,
  service: string,
  reads: readonly string[],
  options: ConnectOptions,
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
    channelOptions(context.maxMessageBytes, service, reads),
  );

  /** @param idleSeconds give up when there is no message for so long */
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
    // Cancelling is reported as an error even when nobody reads any more.
    call.on("error", () => {});
    try {
      watchProgress();
      for await (const message of call) {
        // While the reader is busy with a message the server is not to blame.
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
    unary: (method, request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          new Metadata(),
          { deadline: clock.now() + deadlineSeconds * 1000 },
          (error, response) => {
            if (error !== null) reject(fromStatus(error, context));
            else if (response !== undefined) resolve(response);
            else reject(new UncoupleError("data-loss", `${address}: an answer without a message`));
          },
        );
      }),
    async *finite(method, request, signal) {
      yield* messages(method, request, signal, deadlineSeconds);
      if (signal?.aborted) throw new UncoupleError("cancelled", "cancelled", { cause: signal.reason });
    },
    watch: (method, request, signal) => messages(method, request, signal, undefined),
    close: () => client.close(),
  };
}

function channelOptions(maxMessageBytes: number, service: string, reads: readonly string[]): ChannelOptions {
  return {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    ...keepAlive,
    // The services of a pipeline are neighbors; a proxy for the way out of the house is not meant for them.
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
