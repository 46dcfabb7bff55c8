import { type EventEmitter, once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
} from "@grpc/grpc-js";
import { raceAbort } from "../../common/async/race-abort.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { TRACEPARENT } from "../options.ts";
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
  /**
   * The signal aborts when the client disconnects or the server ends the call. `traceparent` is the caller's W3C trace
   * context, if it has sent one; not validated.
   */
  unary<Q, S>(
    handle: (request: Q, signal: AbortSignal, traceparent: string | undefined) => Promise<S>,
  ): handleUnaryCall<Q, S>;
  /** Like `unary`, for a call that waits until there is something to answer. It ends when the server stops. */
  longPoll<Q, S>(handle: (request: Q, signal: AbortSignal) => Promise<S>): handleUnaryCall<Q, S>;
  /** Applies backpressure: reads from the source only as fast as the client reads. */
  stream<Q, S>(
    kind: StreamKind,
    handle: (request: Q, signal: AbortSignal) => AsyncIterable<S>,
  ): handleServerStreamingCall<Q, S>;
  /**
   * Takes a stream of messages, which is read only as fast as the handler reads. The messages end with the reason of the
   * signal if the client disconnects before it has sent all of them.
   */
  upload<Q, S>(
    handle: (messages: AsyncIterable<Q>, signal: AbortSignal) => Promise<S>,
  ): handleClientStreamingCall<Q, S>;
  /** A stream in both directions that continues until either side ends it. */
  duplex<Q, S>(
    handle: (messages: AsyncIterable<Q>, signal: AbortSignal) => AsyncIterable<S>,
  ): handleBidiStreamingCall<Q, S>;
  active(): number;
  /** Resolves once no call is in progress. */
  idle(): Promise<void>;
  /** Ends the watch streams. */
  stop(): void;
  /** Ends every call. */
  cut(): void;
}

interface RunningCall {
  readonly signal: AbortSignal;
  end(): void;
  toServiceError(thrown: unknown): ReturnType<typeof toStatus>;
}

/** What every kind of call has. */
interface Call extends EventEmitter {
  readonly cancelled: boolean;
  getPath(): string;
}

export function createCallContext(log: RpcLogger, maxMessageBytes: number): CallContext {
  const calls = new Map<AbortController, StreamKind | "unary">();
  const watchers = new Set<() => void>();
  let stopped: UncoupleError | undefined;

  /** Tracks one call from start to end. */
  function begin(call: Call, kind: StreamKind | "unary"): RunningCall {
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

  function respond<S>(
    call: Call,
    { end, toServiceError }: RunningCall,
    handle: () => Promise<S>,
    callback: sendUnaryData<S>,
  ): void {
    // A synchronous throw counts as a rejection.
    Promise.resolve()
      .then(handle)
      .then(
        (response) => callback(null, response),
        (thrown: unknown) => callback(toServiceError(thrown)),
      )
      .finally(end)
      .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "failed to send a response"));
  }

  function send<S>(
    call: Call & Pick<Writable, "write" | "end">,
    { signal, end, toServiceError }: RunningCall,
    messages: AsyncIterable<S>,
  ): void {
    const sending = async () => {
      for await (const message of untilAborted(messages, signal)) {
        if (!call.write(message)) await once(call, "drain", { signal });
      }
    };
    sending()
      .then(
        () => call.end(),
        (thrown: unknown) => call.emit("error", toServiceError(signal.aborted ? signal.reason : thrown)),
      )
      .finally(end)
      .catch((thrown: unknown) => log.error({ error: thrown, method: call.getPath() }, "failed to end a stream"));
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
      const running = begin(call, "unary");
      const [traceparent] = call.metadata.get(TRACEPARENT);
      respond(call, running, () => handle(call.request, running.signal, traceparent?.toString()), callback);
    },
    longPoll: (handle) => (call, callback) => {
      const running = begin(call, "watch");
      const { signal } = running;
      respond(call, running, () => raceAbort(handle(call.request, signal), signal), callback);
    },
    stream: (kind, handle) => (call) => {
      const running = begin(call, kind);
      send(call, running, handle(call.request, running.signal));
    },
    upload: (handle) => (call, callback) => {
      const running = begin(call, "finite");
      respond(call, running, () => handle(received(call, running.signal), running.signal), callback);
    },
    duplex: (handle) => (call) => {
      const running = begin(call, "watch");
      send(call, running, handle(received(call, running.signal), running.signal));
    },
  };
}

/** The messages of a client. Ending the iteration early must not destroy the call, which still has an answer to send. */
function received<Q>(call: Pick<Readable, "iterator">, signal: AbortSignal): AsyncIterable<Q> {
  const messages: AsyncIterable<Q> = { [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false }) };
  return untilAborted(messages, signal);
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
