import { createHash } from "node:crypto";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import { checkMessageSize, decodePrediction, encodePredictRequest, requestBytes } from "../codecs/prediction.ts";
import { decodeRun } from "../codecs/run.ts";
import { decodeRunReport } from "../codecs/run-report.ts";
import { manifestOfPart } from "../codecs/snapshot.ts";
import { decodeTrainerStatus, encodeStartRun } from "../codecs/trainer.ts";
import type { SnapshotPart__Output } from "../gen/uncouple/v1/SnapshotPart.ts";
import { loadProtos } from "../loader.ts";
import type { SnapshotBytes, TrainerService } from "../services/trainer-service.ts";
import { type ConnectOptions, clientCalls } from "./client.ts";

export interface RemoteTrainer extends TrainerService {
  /** The components that the process hosts, at least one. */
  components(): Promise<readonly string[]>;
  close(): void;
}

/** Read-only calls, which may be retried. */
const reads = ["GetRun", "GetRunReport", "ListRuns", "GetStatus", "Predict", "ReadSnapshot", "ListComponents"];

/**
 * Creates a client of a trainer at `host:port`. Connects at the first call; reads are retried a few times while it is
 * unavailable.
 * @param component the one that all calls are about; needed if the process hosts several
 * @throws UncoupleError `invalid-argument` for an address without a port
 */
export function connectTrainer(address: string, options: ConnectOptions, component?: string): RemoteTrainer {
  const { service: Trainer } = loadProtos().Trainer;
  const calls = clientCalls(address, "uncouple.v1.Trainer", reads, options);
  const about = component === undefined ? {} : { component };

  return {
    startRun: async ({ traceparent, ...request }) =>
      decodeRun(
        await calls.unary(
          Trainer.StartRun,
          { ...encodeStartRun(request), ...about },
          traceparent === undefined ? {} : { traceparent },
        ),
      ),
    cancelRun: async (id) => decodeRun(await calls.unary(Trainer.CancelRun, { id, ...about })),
    getRun: async (id) => decodeRun(await calls.unary(Trainer.GetRun, { id, ...about })),
    runReport: async (id) => decodeRunReport(await calls.unary(Trainer.GetRunReport, { id, ...about })),
    status: async () => decodeTrainerStatus(await calls.unary(Trainer.GetStatus, about)),
    async listRuns() {
      const runs: Run[] = [];
      for await (const run of calls.finite(Trainer.ListRuns, about)) runs.push(decodeRun(run));
      return runs;
    },
    async *watchRun(id, signal) {
      for await (const run of calls.watch(Trainer.WatchRun, { id, ...about }, signal)) yield decodeRun(run);
    },
    async predict(inputs, serial) {
      checkMessageSize("request", requestBytes(inputs), calls.maxMessageBytes, inputs.rows);
      const request = { ...encodePredictRequest({ inputs, serial }), ...about };
      return decodePrediction(await calls.unary(Trainer.Predict, request), inputs.rows);
    },
    async readSnapshot(serial, signal) {
      const request = serial === undefined ? about : { serial, ...about };
      return gather(calls.finite(Trainer.ReadSnapshot, request, signal));
    },
    async components() {
      try {
        return (await calls.unary(Trainer.ListComponents, {})).components;
      } catch (thrown) {
        // A trainer of an earlier version, which hosts one, does not implement the call.
        if (asUncoupleError(thrown).code !== "failed-precondition") throw thrown;
        return [decodeTrainerStatus(await calls.unary(Trainer.GetStatus, {})).component];
      }
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
