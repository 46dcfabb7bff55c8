import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import type { FinishedCall } from "../../common/finished-call.ts";

/** A client that disconnects this shortly before its deadline has timed out. */
const DEADLINE_SLACK_MS = 250;

/** Reports each call to a method whose path starts with `prefix`, once, when it has ended. */
export function observeCalls(prefix: string, clock: Clock, observe: (call: FinishedCall) => void): ServerInterceptor {
  return (method, call) => {
    if (!method.path.startsWith(prefix)) return new ServerInterceptingCall(call);
    const start = clock.elapsed();
    let ended = false;
    const end = (code: status) => {
      if (ended) return;
      ended = true;
      observe({
        method: method.path.slice(1),
        code: status[code] ?? String(code),
        stream: method.responseStream || method.requestStream,
        seconds: secondsSince(clock, start),
      });
    };
    // An interceptor's `sendStatus` sees only statuses from handlers. Expired deadlines and messages that are too large or
    // malformed are answered by the call itself, and would look like disconnects.
    const sendStatus = call.sendStatus.bind(call);
    call.sendStatus = (sent) => {
      end(sent.code ?? status.UNKNOWN);
      sendStatus(sent);
    };
    // A deadline expires at the client first, which then disconnects.
    const onCancel = () => {
      const late = clock.now() + DEADLINE_SLACK_MS >= Number(call.getDeadline());
      end(late ? status.DEADLINE_EXCEEDED : status.CANCELLED);
    };
    return new ServerInterceptingCall(call, { start: (next) => next({ onCancel }) });
  };
}
