import { resolve } from "node:path";
import type { MethodDefinition } from "@grpc/proto-loader";
import { loadSync, type Options } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunReport } from "../../../services/pipeline/run-report.ts";
import type { CellDifference, MatrixCell, PipelineMatrix } from "../../../services/pipeline/verdict.ts";
import {
  decodeEvaluatorStatus,
  decodeQuarantine,
  encodeEvaluatorStatus,
  encodeQuarantine,
} from "../../../services/rpc/codecs/evaluator.ts";
import { decodeUint64 } from "../../../services/rpc/codecs/fields.ts";
import { decodeMatrix, encodeMatrix } from "../../../services/rpc/codecs/matrix.ts";
import {
  decodePrediction,
  decodePredictRequest,
  encodePrediction,
  encodePredictRequest,
  requestBytes,
  responseBytes,
} from "../../../services/rpc/codecs/prediction.ts";
import { decodeRun, encodeRun } from "../../../services/rpc/codecs/run.ts";
import { decodeRunReport, encodeRunReport } from "../../../services/rpc/codecs/run-report.ts";
import { encodeManifest, manifestOfPart } from "../../../services/rpc/codecs/snapshot.ts";
import {
  decodeStartRun,
  decodeTrainerStatus,
  encodeStartRun,
  encodeTrainerStatus,
} from "../../../services/rpc/codecs/trainer.ts";
import { decodeVerdict, encodeVerdict } from "../../../services/rpc/codecs/verdict.ts";
import { loaderOptions, loadProtos, protoFiles } from "../../../services/rpc/loader.ts";
import type { EvaluatorStatus } from "../../../services/rpc/services/evaluator-service.ts";
import type { StartRun, TrainerStatus } from "../../../services/rpc/services/trainer-service.ts";
import {
  gaps,
  manifests,
  predictionInputs,
  protocols,
  quarantines,
  runs,
  verdicts,
} from "../../helpers/arbitraries.ts";
import { manifest, quarantine, verdict } from "../../helpers/drafts.ts";
import { someRun } from "../../helpers/fake-services.ts";

const Trainer = loadProtos().Trainer.service;
const Evaluator = loadProtos().Evaluator.service;
const serial = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const count = fc.nat();
const name = fc.string({ maxLength: 8 });

/** To the bytes of the wire and back. */
const overResponse = <S, O>(method: MethodDefinition<object, S, object, O>, message: S): O =>
  method.responseDeserialize(method.responseSerialize(message));
const overRequest = <Q, O>(method: MethodDefinition<Q, object, O, object>, message: Q): O =>
  method.requestDeserialize(method.requestSerialize(message));

describe("what goes over the wire comes back as it was", () => {
  test("reports of runs, with and without what was measured", () => {
    const report: RunReport = {
      run: someRun,
      settings: {
        optimizer: { name: "adam", learningRate: 0.01 },
        schedule: { warmup: 100, decay: "cosine" },
        batch: 64,
        steps: 4000,
        seed: 1,
      },
      curve: { every: 8, window: 8, points: [{ step: 8, loss: 0.1 + 0.2, learningRate: 1e-9 }] },
      fit: {
        rows: 100,
        loss: 0.25,
        outputs: [{ name: "z", groups: [{ rows: 100, predicted: 1, actual: 2 }], calibrationError: 1 }],
        slices: [{ column: "device", value: "tv", rows: 50, loss: 0.5, standardError: 0.01 }],
        worst: [{ row: "id #00ff", loss: 9, predicted: "4", actual: "1" }],
      },
    };
    for (const sent of [report, { ...report, curve: null, fit: null }]) {
      expect(decodeRunReport(overResponse(Trainer.GetRunReport, encodeRunReport(sent)))).toEqual(sent);
    }
    const odd = { ...report, fit: { rows: "many" } } as unknown as RunReport;
    expect(() => decodeRunReport(overResponse(Trainer.GetRunReport, encodeRunReport(odd)))).toThrow(
      "the report of run r1 cannot be read",
    );
  });

  test("runs, with what is unset still unset", () => {
    fc.assert(
      fc.property(runs, (run) => {
        expect(decodeRun(overResponse(Trainer.GetRun, encodeRun(run)))).toEqual(run);
      }),
    );
  });

  test("requests to start a run", () => {
    const upstream = fc.dictionary(fc.constantFrom("m0", "m1", "constructor"), serial, {
      minKeys: 1,
      noNullPrototype: true,
    });
    const tuning = fc.record({ study: name, trial: serial });
    const requests: fc.Arbitrary<StartRun> = fc.record(
      { protocol: protocols, teamFile: name, upstream, tuning },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeStartRun(overRequest(Trainer.StartRun, encodeStartRun(request)))).toEqual(request);
      }),
    );
  });

  test("batches, bit for bit, within the size that is reckoned for them", () => {
    fc.assert(
      fc.property(predictionInputs, fc.option(serial, { nil: undefined }), (inputs, wanted) => {
        const message = encodePredictRequest({ inputs, serial: wanted });
        expect(decodePredictRequest(overRequest(Trainer.Predict, message))).toEqual({ inputs, serial: wanted });
        expect(Trainer.Predict.requestSerialize(message).byteLength).toBeLessThanOrEqual(requestBytes(inputs));
      }),
    );
  });

  test("predictions, from any place in a buffer", () => {
    fc.assert(
      fc.property(serial, fc.integer({ min: 1, max: 4 }), fc.nat(4), fc.nat(3), (made, width, rows, offset) => {
        const buffer = new Float32Array(offset + rows * width + 1).map((_value, index) => Math.sin(index));
        const prediction = { serial: made, width, values: buffer.subarray(offset, offset + rows * width) };
        const message = encodePrediction(prediction);
        expect(decodePrediction(overResponse(Trainer.Predict, message), rows)).toEqual(prediction);
        expect(Trainer.Predict.responseSerialize(message).byteLength).toBeLessThanOrEqual(responseBytes(prediction));
      }),
    );
  });

  test("manifests, with all of their provenance", () => {
    fc.assert(
      fc.property(manifests, (sent) => {
        const part = overResponse(Trainer.ReadSnapshot, { snapshot: encodeManifest(sent) });
        expect(manifestOfPart(part)).toEqual(sent);
      }),
    );
  });

  test("verdicts at any position, and quarantines, with the fields that only newer versions know", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), verdicts, quarantines, (position, value, quarantine) => {
        const logged = { position, value };
        expect(decodeVerdict(overResponse(Evaluator.WatchVerdicts, encodeVerdict(logged)))).toEqual(logged);
        const listed = overResponse(Evaluator.ListQuarantines, encodeQuarantine({ position, value: quarantine }));
        expect(decodeQuarantine(listed)).toEqual({ position, value: quarantine });
      }),
    );
  });

  test("status and matrices", () => {
    const trainerStatus: fc.Arbitrary<TrainerStatus> = fc.record({
      pipeline: name,
      component: name,
      engine: name,
      state: fc.constantFrom("starting", "idle", "training", "stopping"),
      run: fc.option(name),
      queued: count,
      queueCapacity: count,
      newest: fc.option(serial),
      pipelineDigest: fc.option(name),
      appliedDigest: fc.option(name),
      version: fc.option(name),
      problem: fc.option(name),
    });
    const evaluatorStatus: fc.Arbitrary<EvaluatorStatus> = fc.record({
      pipeline: name,
      evaluator: name,
      state: fc.constantFrom("starting", "idle", "evaluating", "stopping"),
      pending: count,
      rows: count,
      current: fc.record({ m1: serial, m2: serial }),
      loss: fc.option(fc.double()),
      gaps: fc.array(gaps, { maxLength: 2 }),
      unreadable: fc.array(fc.record({ component: name, serial, position: fc.maxSafeNat(), reason: name }), {
        maxLength: 2,
      }),
      pipelineDigest: fc.option(name),
      appliedDigest: fc.option(name),
      version: fc.option(name),
      heldOut: fc.option(
        fc.record({ generation: serial, startedAt: name, questions: count, horizon: fc.option(count) }),
      ),
      release: fc.option(serial),
      gate: fc.option(
        fc.record({
          mode: name,
          questionsLeft: fc.option(count),
          held: fc.array(
            fc.record({
              snapshot: fc.record({ component: name, serial }),
              reasons: fc.array(name, { maxLength: 2 }),
              needs: fc.array(name, { maxLength: 2 }),
              since: name,
            }),
            { maxLength: 2 },
          ),
        }),
      ),
    });
    const pair = { upstreamSerial: serial, downstreamSerial: serial };
    const comparison: fc.Arbitrary<CellDifference> = fc.record(
      {
        kind: name,
        reason: name,
        difference: fc.double(),
        relative: fc.option(fc.double()),
        interval: fc.tuple(fc.double(), fc.double()),
        level: fc.double(),
      },
      { requiredKeys: ["kind", "difference", "relative", "interval", "level"] },
    );
    const cell: fc.Arbitrary<MatrixCell> = fc.record(
      { ...pair, loss: fc.double(), comparison },
      { requiredKeys: ["upstreamSerial", "downstreamSerial", "loss"] },
    );
    const matrix: fc.Arbitrary<PipelineMatrix> = fc.record(
      {
        upstream: name,
        downstream: name,
        upstreamSerials: fc.array(serial, { maxLength: 3 }),
        downstreamSerials: fc.array(serial, { maxLength: 3 }),
        cells: fc.array(cell, { maxLength: 3 }),
        current: fc.record(pair),
        intervals: fc.record({ method: name, level: fc.double(), compared: count }),
        gap: gaps,
      },
      { requiredKeys: ["upstream", "downstream", "upstreamSerials", "downstreamSerials", "cells"] },
    );
    fc.assert(
      fc.property(trainerStatus, evaluatorStatus, matrix, (trainer, evaluator, edge) => {
        expect(decodeTrainerStatus(overResponse(Trainer.GetStatus, encodeTrainerStatus(trainer)))).toEqual(trainer);
        const status = overResponse(Evaluator.GetStatus, encodeEvaluatorStatus(evaluator));
        expect(decodeEvaluatorStatus(status)).toEqual(evaluator);
        const { edges } = overResponse(Evaluator.GetMatrix, { edges: [encodeMatrix(edge)] });
        expect(edges.map(decodeMatrix)).toEqual([edge]);
      }),
    );
  });
});

describe("what cannot be told apart on the wire is refused before it", () => {
  test.each([1.5, -1, 2 ** 32, Number.NaN])("a step of %d", (step) => {
    expect(() => encodeRun({ ...someRun, step })).toThrow("step does not fit its field");
  });

  test("a serial that is none", () => {
    expect(() => encodeRun({ ...someRun, upstream: { m1: 0.5 } })).toThrow("upstream.m1 does not fit its field");
  });
});

describe("what an older or newer version sends", () => {
  const decode = (bytes: Buffer) => decodeRun(Trainer.GetRun.responseDeserialize(bytes));

  test("a state that is not known is a typed error, not the first state", () => {
    const bytes = Trainer.GetRun.responseSerialize(encodeRun({ ...someRun, state: "queued" }));
    // Field 3 (state) once more at the end, as 99: the last one counts.
    expect(() => decode(Buffer.concat([bytes, Buffer.from([3 << 3, 99])]))).toThrow(
      expect.objectContaining({ code: "data-loss", message: "run state 99 is not known to this version of Uncouple" }),
    );
  });

  test("a message without its protocol, and a parameter without a value", () => {
    expect(() => decode(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: "data-loss" }));
    const request = overRequest(Trainer.StartRun, { protocol: { name: "proximal", parameters: { sigma: {} } } });
    expect(() => decodeStartRun(request)).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: "protocol proximal: parameter sigma has no value",
      }),
    );
  });

  test("a verdict that is not one", () => {
    const logged = overResponse(Evaluator.WatchVerdicts, encodeVerdict({ position: 1, value: verdict("m1", 1) }));
    const value = logged.value as NonNullable<typeof logged.value>;
    expect(() => decodeVerdict({ ...logged, value: { ...value, level: 2 } })).toThrow("not a valid verdict: level");
    expect(() => decodeVerdict({ ...logged, value: { ...value, componentLoss: null } })).toThrow("no component_loss");
    expect(() => decodeUint64("position", "9007199254740993", "data-loss")).toThrow("out of range");
  });

  test("a manifest and a verdict as JSON of version 1, from a service of version 0.1.0", () => {
    const { version: _v, method: _m, level: _l, pipelineDigest: _p, ...judged } = verdict("m1", 2);
    const json = JSON.stringify({ ...judged, version: 1 });
    expect(decodeVerdict(overResponse(Evaluator.WatchVerdicts, { position: "7", verdict: json }))).toEqual({
      position: 7,
      value: verdict("m1", 2),
    });
    const { contract, provenance, publishedAt, pipelineDigest: _, ...envelope } = manifest(2, { runId: "r" });
    const { optimizer, ...rest } = provenance;
    const old = { ...envelope, ...contract, ...rest, optimiser: optimizer, finishedAt: publishedAt, version: 1 };
    const part = overResponse(Trainer.ReadSnapshot, { manifest: JSON.stringify(old) });
    const read = manifest(2, { runId: "r", provenance: { finishedAt: publishedAt } });
    expect(manifestOfPart(part)).toEqual({ ...read, publishedAt });
    expect(() => decodeVerdict({ position: "1", verdict: "{", value: null })).toThrow("the verdict is not JSON");
  });

  test("a quarantine without the name of its reason, or with a reason that has no number", () => {
    const { reasonName: _, ...numbered } = encodeQuarantine({ position: 1, value: quarantine("m1", 1) });
    expect(decodeQuarantine(overResponse(Evaluator.ListQuarantines, numbered)).value).toEqual(quarantine("m1", 1));
    const named = quarantine("m1", 1, { reason: "too-curious" });
    const message = encodeQuarantine({ position: 1, value: named });
    expect(message.reason).toBe("QUARANTINE_REASON_UNSPECIFIED");
    expect(decodeQuarantine(overResponse(Evaluator.ListQuarantines, message)).value).toEqual(named);
  });
});

describe("the loader options", () => {
  const includeDirs = [resolve(import.meta.dirname, "../../../proto")];
  /** What a client that was generated with our options would read if it were loaded with others. */
  const read = (options: Options) => {
    const loaded = loadSync([...protoFiles], { ...options, includeDirs });
    const other = loaded["uncouple.v1.Trainer"] as unknown as typeof Trainer;
    return other.GetRun.responseDeserialize(Trainer.GetRun.responseSerialize(encodeRun(someRun)));
  };

  test("give the values that the generated types promise", () => {
    expect(read(loaderOptions)).toEqual(overResponse(Trainer.GetRun, encodeRun(someRun)));
    expect(decodeRun(read(loaderOptions))).toEqual(someRun);
  });

  test.each([
    ["enums as numbers", { ...loaderOptions, enums: Number }],
    ["no defaults", { ...loaderOptions, defaults: false }],
    ["no oneofs", { ...loaderOptions, oneofs: false }],
  ])("would compile and arrive as something else with %s", (_what, options) => {
    expect(read(options)).not.toEqual(read(loaderOptions));
  });

  test("keep every digit of a 64-bit integer, which numbers would not", () => {
    const position = "9007199254740993";
    const sent = (options: Options) => {
      const loaded = loadSync([...protoFiles], { ...options, includeDirs });
      const other = loaded["uncouple.v1.Evaluator"] as unknown as typeof Evaluator;
      return overResponse(other.WatchVerdicts, { position, verdict: "" }).position;
    };
    expect(sent(loaderOptions)).toBe(position);
    expect(String(sent({ ...loaderOptions, longs: Number }))).not.toBe(position);
  });
});
