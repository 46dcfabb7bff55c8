import { once } from "node:events";
import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { toStatus } from "../status.ts";

/** The part of a log that gRPC needs. */
export interface RpcLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** `watch` streams go on until somebody stops them; `finite` ones end by themselves. */
export type StreamKind = "watch" | "finite";

/** The calls in progress on a server, and the wrappers that make handlers of functions on domain types. */
export interface CallContext {
  readonly maxMessageBytes: number;
  /** The signal aborts when the client leaves or the server cuts the call. */
  unary<Q, S>(handle: (request: Q, signal: AbortSignal) => Promise<S>): handleUnaryCall<Q, S>;
  /** Reads from the stream no faster than the client does. */
  stream<Q, S>(
    kind: StreamKind,
    handle: (request: Q, signal: AbortSignal) => AsyncIterable<S>,
  ): handleServerStreamingCall<Q, S>;
  active(): number;
  /** Resolves when no call is in progress. */
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

  /** Follows one call from its arrival to its end. */
  function begin(call: Call, kind: StreamKind | "unary") {
    const controller = new AbortController();
    const onCancelled = () => controller.abort(new UncoupleError("cancelled", "the client left"));
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
      jetStreamError: (thrown: unknown) => {
        const error = asUncoupleError(thrown);
        const fields = { method: call.getPath(), code: error.code };
        if (error.code === "internal") log.error({ ...fields, error }, "a call failed by a defect");
        else log.debug(fields, `refused: ${error.message}`);
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
      const { signal, end, jetStreamError } = begin(call, "unary");
      // A function that throws at once is a rejection too.
      Promise.resolve()
        .then(() => handle(call.request, signal))
        .then(
          (response) => callback(null, response),
          (thrown: unknown) => callback(jetStreamError(thrown)),
        )
        .finally(end)
        .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "an answer was not sent"));
    },
    stream: (kind, handle) => (call) => {
      const { signal, end, jetStreamError } = begin(call, kind);
      const send = async () => {
        for await (const message of untilAborted(handle(call.request, signal), signal)) {
          if (!call.write(message)) await once(call, "drain", { signal });
        }
      };
      send()
        .then(
          () => call.end(),
          (thrown: unknown) => call.emit("error", jetStreamError(signal.aborted ? signal.reason : thrown)),
        )
        .finally(end)
        .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "a stream was not ended"));
    },
  };
}

/**
 * The values of a source until it ends. When the signal aborts it throws the signal's reason at once, whether the
 * source ends without a word (which must not look as if it had come to its end) or does not heed the signal at all.
 */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  // One listener, and a promise for each value: racing each against one promise of the abort would keep every value
  // that was ever sent for as long as the stream lasts.
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
    // Not awaited: a source that does not heed the signal would hold it up.
    iterator.return?.().catch(() => {});
  }
}
