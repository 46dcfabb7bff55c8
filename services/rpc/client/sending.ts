import { once } from "node:events";
import type { Client } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type ClientContext, fromStatus } from "../status.ts";
import { cancelled, type Method } from "./method.ts";

/** Implements `ClientCalls.upload`. */
export async function upload<Q, S>(
  client: Client,
  context: ClientContext,
  clock: Clock,
  method: Method<Q, S>,
  messages: Iterable<Q>,
  onSent: (message: Q) => void,
  signal: AbortSignal | undefined,
): Promise<S> {
  if (signal?.aborted) throw cancelled(signal);
  const { address, deadlineSeconds } = context;
  let late: UncoupleError | undefined;
  let timer: Timer | undefined;
  const { promise: answer, resolve, reject } = deferred<S>();
  const call = client.makeClientStreamRequest<Q, S>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    (error, response) => {
      if (late !== undefined) reject(late);
      else if (signal?.aborted) reject(cancelled(signal));
      else if (error !== null) reject(fromStatus(error, context));
      else if (response !== undefined) resolve(response);
      else reject(new UncoupleError("data-loss", `${address}: response without a message`));
    },
  );
  const watchProgress = () => {
    timer?.cancel();
    timer = clock.after(deadlineSeconds * 1000, () => {
      late = new UncoupleError(
        "deadline-exceeded",
        `no progress from ${address} within deadlineSeconds = ${deadlineSeconds}`,
      );
      call.cancel();
    });
  };
  const onAbort = () => call.cancel();
  signal?.addEventListener("abort", onAbort);
  let answered = false;
  const settle = () => {
    answered = true;
  };
  const over = answer.then(settle, settle);
  try {
    for (const message of messages) {
      watchProgress();
      // The server may answer without having read everything.
      await Promise.race([new Promise<void>((sent) => call.write(message, () => sent())), over]);
      if (answered) break;
      onSent(message);
    }
    watchProgress();
    call.end();
    return await answer;
  } catch (thrown) {
    call.cancel();
    throw thrown;
  } finally {
    timer?.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Implements `ClientCalls.duplex`. */
export async function* duplex<Q, S>(
  client: Client,
  context: ClientContext,
  method: Method<Q, S>,
  messages: AsyncIterable<Q>,
  signal: AbortSignal,
): AsyncGenerator<S, void, undefined> {
  if (signal.aborted) return;
  const call = client.makeBidiStreamRequest<Q, S>(method.path, method.requestSerialize, method.responseDeserialize);
  // grpc-js reports a cancellation as an error even if the stream is no longer read.
  call.on("error", () => {});
  const over = new AbortController();
  let failure: unknown;
  const sending = async () => {
    for await (const message of messages) {
      if (over.signal.aborted) return;
      if (!call.write(message)) await once(call, "drain", { signal: over.signal });
    }
    call.end();
  };
  const onAbort = () => call.cancel();
  signal.addEventListener("abort", onAbort);
  sending().catch((thrown: unknown) => {
    if (over.signal.aborted || signal.aborted) return;
    failure = thrown;
    call.cancel();
  });
  try {
    for await (const message of call) {
      if (signal.aborted) return;
      yield message as S;
    }
  } catch (thrown) {
    if (signal.aborted) return;
    throw failure ?? fromStatus(thrown, context);
  } finally {
    over.abort();
    signal.removeEventListener("abort", onAbort);
    call.cancel();
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
