import { chunksOf } from "../chunks.ts";
import { checkMessageSize, decodePredictRequest, encodePrediction, responseBytes } from "../codecs/prediction.ts";
import { encodeRun } from "../codecs/run.ts";
import { encodeManifest } from "../codecs/snapshot.ts";
import { decodeStartRun, encodeTrainerStatus } from "../codecs/trainer.ts";
import type { SnapshotPart } from "../gen/uncouple/v1/SnapshotPart.ts";
import type { TrainerHandlers } from "../gen/uncouple/v1/Trainer.ts";
import { loadProtos } from "../loader.ts";
import type { SnapshotBytes, TrainerService } from "../services/trainer-service.ts";
import type { RpcServer } from "./server.ts";

/** Registers a trainer service on a server. Call it before the server starts. */
export function addTrainerService(server: RpcServer, trainer: TrainerService): void {
  const { unary, stream, maxMessageBytes } = server.context;
  const handlers: TrainerHandlers = {
    StartRun: unary(async (request, _, traceparent) => {
      const started = { ...decodeStartRun(request), ...(traceparent !== undefined && { traceparent }) };
      return encodeRun(await trainer.startRun(started));
    }),
    CancelRun: unary(async ({ id }) => encodeRun(await trainer.cancelRun(id))),
    GetRun: unary(async ({ id }) => encodeRun(await trainer.getRun(id))),
    GetStatus: unary(async () => encodeTrainerStatus(await trainer.status())),
    Predict: unary(async (request) => {
      const { inputs, serial } = decodePredictRequest(request);
      const prediction = await trainer.predict(inputs, serial);
      checkMessageSize("prediction", responseBytes(prediction), maxMessageBytes, inputs.rows);
      return encodePrediction(prediction);
    }),
    ListRuns: stream("finite", async function* () {
      for (const run of await trainer.listRuns()) yield encodeRun(run);
    }),
    WatchRun: stream("watch", async function* ({ id }, signal) {
      for await (const run of trainer.watchRun(id, signal)) yield encodeRun(run);
    }),
    ReadSnapshot: stream("finite", async function* ({ serial }, signal) {
      yield* snapshotParts(await trainer.readSnapshot(serial, signal));
    }),
  };
  server.add("uncouple.v1.Trainer", loadProtos().Trainer.service, handlers);
}

function* snapshotParts({ manifest, bytes }: SnapshotBytes): Iterable<SnapshotPart> {
  yield { snapshot: encodeManifest(manifest) };
  for (const chunk of chunksOf(bytes)) yield { chunk };
}
