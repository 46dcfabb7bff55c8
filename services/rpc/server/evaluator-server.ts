import { decodePage, encodeEvaluatorStatus, encodeQuarantine } from "../codecs/evaluator.ts";
import { decodeUint64 } from "../codecs/fields.ts";
import { encodeMatrix } from "../codecs/matrix.ts";
import { encodeVerdict } from "../codecs/verdict.ts";
import type { EvaluatorHandlers } from "../gen/uncouple/v1/Evaluator.ts";
import { loadProtos } from "../loader.ts";
import type { EvaluatorService } from "../services/evaluator-service.ts";
import { readPages } from "../services/pages.ts";
import type { RpcServer } from "./server.ts";

/** Registers an evaluator service on a server. Call it before the server starts. */
export function addEvaluatorService(server: RpcServer, evaluator: EvaluatorService): void {
  const { unary, stream } = server.context;
  const handlers: EvaluatorHandlers = {
    GetStatus: unary(async () => encodeEvaluatorStatus(await evaluator.status())),
    GetMatrix: unary(async ({ intervals }) => ({ edges: (await evaluator.matrix({ intervals })).map(encodeMatrix) })),
    ListVerdicts: stream("finite", async function* (request) {
      for await (const entry of readPages(evaluator.listVerdicts, decodePage(request))) yield encodeVerdict(entry);
    }),
    ListQuarantines: stream("finite", async function* (request) {
      const entries = readPages(evaluator.listQuarantines, decodePage(request));
      for await (const entry of entries) yield encodeQuarantine(entry);
    }),
    WatchVerdicts: stream("watch", async function* ({ from }, signal) {
      const position = decodeUint64("position", from, "invalid-argument");
      for await (const verdict of evaluator.watchVerdicts(position, signal)) yield encodeVerdict(verdict);
    }),
  };
  server.add("uncouple.v1.Evaluator", loadProtos().Evaluator.service, handlers);
}
