import { encodeEvaluatorStatus, encodeMatrix, encodeQuarantine } from "../codecs/evaluator.ts";
import { decodeUint64 } from "../codecs/fields.ts";
import { encodeVerdict } from "../codecs/verdict.ts";
import type { EvaluatorHandlers } from "../gen/uncouple/v1/Evaluator.ts";
import { loadProtos } from "../loader.ts";
import type { EvaluatorService } from "../services/evaluator-service.ts";
import type { RpcServer } from "./server.ts";

/** Registers an evaluator service on a server. Call it before the server starts. */
export function addEvaluatorService(server: RpcServer, evaluator: EvaluatorService): void {
  const { unary, stream } = server.context;
  const handlers: EvaluatorHandlers = {
    GetStatus: unary(async () => encodeEvaluatorStatus(await evaluator.status())),
    GetMatrix: unary(async () => ({ edges: (await evaluator.matrix()).map(encodeMatrix) })),
    ListVerdicts: stream("finite", async function* () {
      for (const value of await evaluator.listVerdicts()) yield encodeVerdict({ position: 0, value });
    }),
    ListQuarantines: stream("finite", async function* () {
      for (const quarantine of await evaluator.listQuarantines()) yield encodeQuarantine(quarantine);
    }),
    WatchVerdicts: stream("watch", async function* ({ from }, signal) {
      const position = decodeUint64("position", from, "invalid-argument");
      for await (const verdict of evaluator.watchVerdicts(position, signal)) yield encodeVerdict(verdict);
    }),
  };
  server.add("uncouple.v1.Evaluator", loadProtos().Evaluator.service, handlers);
}
