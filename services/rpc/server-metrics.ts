import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";

/** A call that the server has finished. */
export interface FinishedCall {
  /** `uncouple.v1.Trainer/GetRun`: only methods that exist, so that there are few. */
  readonly method: string;
  /** The status by name: `OK`, `NOT_FOUND`; `CANCELLED` when the client left first. */
  readonly code: string;
  readonly stream: boolean;
  readonly seconds: number;
}

/** Tells of each call to a method whose path begins with `prefix`, once, when it has ended. */
export function observeCalls(prefix: string, observe: (call: FinishedCall) => void): ServerInterceptor {
  return (method, call) => {
    if (!method.path.startsWith(prefix)) return new ServerInterceptingCall(call);
    const start = performance.now();
    let ended = false;
    const end = (code: status) => {
      if (ended) return;
      ended = true;
      observe({
        method: method.path.slice(1),
        code: status[code] ?? String(code),
        stream: method.responseStream || method.requestStream,
        seconds: (performance.now() - start) / 1000,
      });
    };
    return new ServerInterceptingCall(call, {
      start: (next) => next({ onCancel: () => end(status.CANCELLED) }),
      sendStatus: (sent, next) => {
        end(sent.code ?? status.UNKNOWN);
        next(sent);
      },
    });
  };
}
