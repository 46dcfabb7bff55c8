import type { Logged, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { decodeEvaluatorStatus, decodeQuarantine, encodePage } from "../codecs/evaluator.ts";
import { decodeMatrix } from "../codecs/matrix.ts";
import { decodeVerdict } from "../codecs/verdict.ts";
import { loadProtos } from "../loader.ts";
import type { EvaluatorService } from "../services/evaluator-service.ts";
import { type ConnectOptions, clientCalls } from "./client.ts";

export interface RemoteEvaluator extends EvaluatorService {
  close(): void;
}

const reads = ["GetStatus", "GetMatrix", "ListVerdicts", "ListQuarantines"];

/**
 * Creates a client of an evaluator at `host:port`. Connects at the first call; reads are retried a few times while it is
 * unavailable.
 * @throws UncoupleError `invalid-argument` for an address without a port
 */
export function connectEvaluator(address: string, options: ConnectOptions): RemoteEvaluator {
  const { service: Evaluator } = loadProtos().Evaluator;
  const calls = clientCalls(address, "uncouple.v1.Evaluator", reads, options);

  return {
    status: async () => decodeEvaluatorStatus(await calls.unary(Evaluator.GetStatus, {})),
    async matrix({ intervals = false } = {}) {
      return (await calls.unary(Evaluator.GetMatrix, { intervals })).edges.map(decodeMatrix);
    },
    async listVerdicts(page) {
      const verdicts: Logged<Verdict>[] = [];
      for await (const message of calls.finite(Evaluator.ListVerdicts, encodePage(page))) {
        verdicts.push(decodeVerdict(message));
      }
      return verdicts;
    },
    async listQuarantines(page) {
      const quarantines: Logged<Quarantine>[] = [];
      for await (const message of calls.finite(Evaluator.ListQuarantines, encodePage(page))) {
        quarantines.push(decodeQuarantine(message));
      }
      return quarantines;
    },
    async *watchVerdicts(from, signal) {
      const request = { from: String(from) };
      for await (const verdict of calls.watch(Evaluator.WatchVerdicts, request, signal)) {
        yield decodeVerdict(verdict);
      }
    },
    close: () => calls.close(),
  };
}
