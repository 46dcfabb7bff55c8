import { once } from "node:events";
import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { toStatus } from "../status.ts";

/** The logger methods that gRPC needs. */
export interface RpcLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** `watch` streams continue until they are stopped; `finite` ones end by themselves. */
export type StreamKind = "watch" | "finite";

/** Tracks the calls in progress on a server, and wraps functions on domain types as handlers. */
export interface CallContext {
  readonly maxMessageBytes: number;
  /** The signal aborts when the client disconnects or the server ends the call. */
  unary<Q, S>(handle: (request: Q, signal: AbortSignal) => Promise<S>): handleUnaryCall<Q, S>;
  /** Applies backpressure: reads from the source only as fast as the client reads. */
  stream<Q, S>(
    kind: StreamKind,
    handle: (request: Q, signal: AbortSignal) => AsyncIterable<S>,
  ): handleServerStreamingCall<Q, S>;
  active(): number;
  /** Resolves once no call is in progress. */
  idle(): Promise<void>;
  /** Ends the watch streams. */
  stop(): void;
  /** Ends every call. */
  cut(): void;
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, "cancelled" | "getPath" | "once" | "off">;

export function createCallContext(log: RpcLogger, maxMessageBytes: number): CallContext {
  const calls = new Map<AbortController, StreamKind | "unary">();
  const watchers = new Set<() => void>();
  let stopped: UncoupleError | undefined;

  /** Tracks one call from start to end. */
  function begin(call: Call, kind: StreamKind | "unary") {
    const controller = new AbortController();
    const onCancelled = () => controller.abort(new UncoupleError("cancelled", "the client disconnected"));
    call.once("cancelled", onCancelled);
    if (call.cancelled) onCancelled();
    if (kind === "watch" && stopped !== undefined) controller.abort(stopped);
    calls.set(controller, kind);
    return {
      signal: controller.signal,
      end: () => {
        call.off("cancelled", onCancelled);
        calls.delete(controller);
        if (calls.size === 0) for (const wake of watchers) wake();
      },
      toServiceError: (thrown: unknown) => {
        const error = asUncoupleError(thrown);
        const fields = { method: call.getPath(), code: error.code };
        if (error.code === "internal") log.error({ ...fields, error }, "a call failed by a defect");
        else log.debug(fields, `call failed: ${error.message}`);
        return toStatus(error);
      },
    };
  }

  return {
    maxMessageBytes,
    active: () => calls.size,
    stop() {
      stopped = new UncoupleError("unavailable", "the server is stopping");
      for (const [controller, kind] of calls) if (kind === "watch") controller.abort(stopped);
    },
    cut() {
      for (const controller of calls.keys())
        controller.abort(new UncoupleError("unavailable", "the server has stopped"));
    },
    async idle() {
      if (calls.size > 0) await new Promise<void>((resolve) => watchers.add(resolve));
    },
    unary: (handle) => (call, callback) => {
      const { signal, end, toServiceError } = begin(call, "unary");
      // A synchronous throw counts as a rejection.
      Promise.resolve()
        .then(() => handle(call.request, signal))
        .then(
          (response) => callback(null, response),
          (thrown: unknown) => callback(toServiceError(thrown)),
        )
        .finally(end)
        .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "failed to send a response"));
    },
    stream: (kind, handle) => (call) => {
      const { signal, end, toServiceError } = begin(call, kind);
      const send = async () => {
        for await (const message of untilAborted(handle(call.request, signal), signal)) {
          if (!call.write(message)) await once(call, "drain", { signal });
        }
      };
      send()
        .then(
          () => call.end(),
          (thrown: unknown) => call.emit("error", toServiceError(signal.aborted ? signal.reason : thrown)),
        )
        .finally(end)
        .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "failed to end a stream"));
    },
  };
}

/**
 * Yields the values of a source until it ends. If the signal aborts, throws its reason immediately, whether the source
 * ends silently (which must not look like a normal end) or ignores the signal.
 */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  // One listener, and one promise per value: racing every value against a single abort promise would retain all values
  // until the stream ends.
  let giveUp = () => {};
  const onAbort = () => giveUp();
  signal.addEventListener("abort", onAbort);
  try {
    while (true) {
      signal.throwIfAborted();
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        giveUp = () => reject(signal.reason as UncoupleError);
        iterator.next().then(resolve, reject);
      });
      signal.throwIfAborted();
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that ignores the signal would block.
    iterator.return?.().catch(() => {});
  }
}
