import { UncoupleError } from "../../common/errors.ts";
import { serveRequests } from "../threads/serve-requests.ts";
import type { WasmRequest, WasmResult } from "./thread-messages.ts";
import { WasmInstance } from "./wasm-instance.ts";

/** Runs compiled training programs on a thread of its own, any number of sessions beside each other. */
interface Open {
  readonly digest: string;
  readonly instance: WasmInstance;
}

const sessions = new Map<number, Open>();

/** Instances of ended sessions: the next one of an equal program needs no memory of its own. */
const idle: Open[] = [];
const IDLE_KEPT = 4;
/** Larger memories are given back at once. */
const LARGEST_KEPT = 64 * 2 ** 20;

function take({ digest, module }: WasmRequest & { kind: "open" }): WasmInstance {
  const at = idle.findIndex((candidate) => candidate.digest === digest);
  return at < 0 ? new WasmInstance(module) : (idle.splice(at, 1)[0] as Open).instance;
}

function close(session: number): void {
  const ended = sessions.get(session);
  sessions.delete(session);
  if (ended === undefined || ended.instance.bytes > LARGEST_KEPT) return;
  idle.push(ended);
  if (idle.length > IDLE_KEPT) idle.shift();
}

function opened(session: number): WasmInstance {
  const open = sessions.get(session);
  if (open === undefined) throw new UncoupleError("internal", `no session ${session} on this thread`);
  return open.instance;
}

function answer(request: WasmRequest): WasmResult {
  switch (request.kind) {
    case "open": {
      const instance = take(request);
      instance.open(request.plan);
      sessions.set(request.session, { digest: request.digest, instance });
      return null;
    }
    case "column":
      opened(request.session).write(request.column, request.from, request.values);
      return null;
    case "run":
      return opened(request.session).run(request);
    case "state":
      return opened(request.session).state(request.from, request.count);
    case "restore":
      opened(request.session).restore(request.from, request.values);
      return null;
    case "close":
      close(request.session);
      return null;
  }
}

serveRequests(answer);
