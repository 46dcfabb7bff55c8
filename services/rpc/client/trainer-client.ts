import { createHash } from "node:crypto";
import { UncoupleError } from "../../common/errors.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import { checkMessageSize, decodePrediction, encodePredictRequest, requestBytes } from "../codecs/prediction.ts";
import { decodeRun } from "../codecs/run.ts";
import { manifestOfPart } from "../codecs/snapshot.ts";
import { decodeTrainerStatus, encodeStartRun } from "../codecs/trainer.ts";
import type { SnapshotPart__Output } from "../gen/uncouple/v1/SnapshotPart.ts";
import { loadProtos } from "../loader.ts";
import type { SnapshotBytes, TrainerService } from "../services/trainer-service.ts";
import { type ConnectOptions, clientCalls } from "./client.ts";

export interface RemoteTrainer extends TrainerService {
  close(): void;
}

/** Read-only calls, which may be retried. */
const reads = ["GetRun", "ListRuns", "GetStatus", "Predict", "ReadSnapshot"];

/**
 * Creates a client of a trainer at `host:port`. Connects at the first call; reads are retried a few times while it is
 * unavailable.
 * @throws UncoupleError `invalid-argument` for an address without a port
 */
export function connectTrainer(address: string, options: ConnectOptions): RemoteTrainer {
  const { service: Trainer } = loadProtos().Trainer;
  const calls = clientCalls(address, "uncouple.v1.Trainer", reads, options);

  return {
    startRun: async ({ traceparent, ...request }) =>
      decodeRun(
        await calls.unary(Trainer.StartRun, encodeStartRun(request), traceparent === undefined ? {} : { traceparent }),
      ),
    cancelRun: async (id) => decodeRun(await calls.unary(Trainer.CancelRun, { id })),
    getRun: async (id) => decodeRun(await calls.unary(Trainer.GetRun, { id })),
    status: async () => decodeTrainerStatus(await calls.unary(Trainer.GetStatus, {})),
    async listRuns() {
      const runs: Run[] = [];
      for await (const run of calls.finite(Trainer.ListRuns, {})) runs.push(decodeRun(run));
      return runs;
    },
    async *watchRun(id, signal) {
      for await (const run of calls.watch(Trainer.WatchRun, { id }, signal)) yield decodeRun(run);
    },
    async predict(inputs, serial) {
      checkMessageSize("request", requestBytes(inputs), calls.maxMessageBytes, inputs.rows);
      const request = encodePredictRequest({ inputs, serial });
      return decodePrediction(await calls.unary(Trainer.Predict, request), inputs.rows);
    },
    async readSnapshot(serial, signal) {
      const request = serial === undefined ? {} : { serial };
      return gather(calls.finite(Trainer.ReadSnapshot, request, signal));
    },
    close: () => calls.close(),
  };
}

/** @throws UncoupleError `data-loss` if the bytes do not match the manifest */
async function gather(parts: AsyncIterable<SnapshotPart__Output>): Promise<SnapshotBytes> {
  let manifest: SnapshotManifest | undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const part of parts) {
    manifest = manifestOfPart(part) ?? manifest;
    if (part.chunk !== undefined) {
      chunks.push(part.chunk);
      size += part.chunk.byteLength;
    }
  }
  if (manifest === undefined) throw new UncoupleError("data-loss", "received a snapshot without its manifest");
  const bytes = Buffer.concat(chunks, size);
  const name = `${manifest.component}@${manifest.serial}`;
  if (size !== manifest.size) {
    throw new UncoupleError("data-loss", `${name}: received ${size} bytes, but the manifest says ${manifest.size}`);
  }
  if (createHash("sha256").update(bytes).digest("hex") !== manifest.digest) {
    throw new UncoupleError("data-loss", `${name}: the bytes do not match the digest in the manifest`);
  }
  return { manifest, bytes };
}
