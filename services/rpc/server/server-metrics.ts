import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import type { FinishedCall } from "../../common/finished-call.ts";

/** Who leaves so shortly before its deadline has been waiting for it to pass. */
const DEADLINE_SLACK_MS = 50;

/** Tells of each call to a method whose path begins with `prefix`, once, when it has ended. */
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
    // Not as an interceptor's `sendStatus`, which hears of handlers only: a deadline that passes here, a message that is
    // too large or does not parse are answered by the call itself, and would look as if the client had left.
    const sendStatus = call.sendStatus.bind(call);
    call.sendStatus = (sent) => {
      end(sent.code ?? status.UNKNOWN);
      sendStatus(sent);
    };
    // A client's deadline passes for the client first, which then leaves.
    const onCancel = () => {
      const late = clock.now() + DEADLINE_SLACK_MS >= Number(call.getDeadline());
      end(late ? status.DEADLINE_EXCEEDED : status.CANCELLED);
    };
    return new ServerInterceptingCall(call, { start: (next) => next({ onCancel }) });
  };
}
