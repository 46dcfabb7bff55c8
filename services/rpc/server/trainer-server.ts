import { chunksOf } from "../chunks.ts";
import { checkMessageSize, decodePredictRequest, encodePrediction, responseBytes } from "../codecs/prediction.ts";
import { encodeRun } from "../codecs/run.ts";
import { encodeRunReport } from "../codecs/run-report.ts";
import { encodeManifest } from "../codecs/snapshot.ts";
import { decodeStartRun, encodeTrainerStatus } from "../codecs/trainer.ts";
import type { SnapshotPart } from "../gen/uncouple/v1/SnapshotPart.ts";
import type { TrainerHandlers } from "../gen/uncouple/v1/Trainer.ts";
import { loadProtos } from "../loader.ts";
import type { Hosting } from "../services/hosting.ts";
import type { SnapshotBytes, TrainerService } from "../services/trainer-service.ts";
import type { RpcServer } from "./server.ts";

/** Registers the trainers of the hosted components on a server. Call it before the server starts. */
export function addTrainerService(server: RpcServer, { components, of }: Hosting<TrainerService>): void {
  const { unary, stream, maxMessageBytes } = server.context;
  const handlers: TrainerHandlers = {
    StartRun: unary(async (request, _, traceparent) => {
      const started = { ...decodeStartRun(request), ...(traceparent !== undefined && { traceparent }) };
      return encodeRun(await of(request.component).startRun(started));
    }),
    CancelRun: unary(async ({ id, component }) => encodeRun(await of(component).cancelRun(id))),
    GetRun: unary(async ({ id, component }) => encodeRun(await of(component).getRun(id))),
    GetRunReport: unary(async ({ id, component }) => encodeRunReport(await of(component).runReport(id))),
    GetStatus: unary(async ({ component }) => encodeTrainerStatus(await of(component).status())),
    Predict: unary(async (request) => {
      const { inputs, serial } = decodePredictRequest(request);
      const prediction = await of(request.component).predict(inputs, serial);
      checkMessageSize("prediction", responseBytes(prediction), maxMessageBytes, inputs.rows);
      return encodePrediction(prediction);
    }),
    ListRuns: stream("finite", async function* ({ component }) {
      for (const run of await of(component).listRuns()) yield encodeRun(run);
    }),
    WatchRun: stream("watch", async function* ({ id, component }, signal) {
      for await (const run of of(component).watchRun(id, signal)) yield encodeRun(run);
    }),
    ReadSnapshot: stream("finite", async function* ({ serial, component }, signal) {
      yield* snapshotParts(await of(component).readSnapshot(serial, signal));
    }),
    ListComponents: unary(async () => ({ components: [...components] })),
  };
  server.add("uncouple.v1.Trainer", loadProtos().Trainer.service, handlers);
}

function* snapshotParts({ manifest, bytes }: SnapshotBytes): Iterable<SnapshotPart> {
  yield { snapshot: encodeManifest(manifest) };
  for (const chunk of chunksOf(bytes)) yield { chunk };
}
