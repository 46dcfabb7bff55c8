import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NewerFormatError } from "../../../../services/pipeline/documents/document.ts";
import { parseDraft, parseManifest } from "../../../../services/pipeline/documents/manifest-schema.ts";
import { parseQuarantine, parseVerdict } from "../../../../services/pipeline/documents/verdict-schema.ts";
import { manifests, quarantines, verdicts } from "../../../helpers/arbitraries.ts";
import { draft, manifest, verdict } from "../../../helpers/drafts.ts";

const documents = [
  ["manifest", manifests as fc.Arbitrary<object>, parseManifest],
  ["verdict", verdicts as fc.Arbitrary<object>, parseVerdict],
  ["quarantine", quarantines as fc.Arbitrary<object>, parseQuarantine],
] as const;

describe.each(documents)("a %s", (what, arbitrary, parse) => {
  test("survives a JSON round trip with every field, also those that only newer versions know", () => {
    fc.assert(
      fc.property(arbitrary, (document) => {
        const json = JSON.stringify(document);
        expect(parse(JSON.parse(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  test("is rejected with the names of missing and invalid fields", () => {
    const [document] = fc.sample(arbitrary, { numRuns: 1, seed: 1 });
    const broken: Record<string, unknown> = { ...document, serial: "3", version: 0 };
    delete broken.pipeline;
    expect(() => parse(broken)).toThrow(
      expect.objectContaining({
        code: "data-loss",
        message: expect.stringMatching(new RegExp(`not a valid ${what}: (?=.*serial)(?=.*version)(?=.*pipeline)`)),
      }),
    );
    expect(() => parse(null)).toThrow(`not a valid ${what}`);
  });

  test("of a format that does not exist yet says that a newer version wrote it, whatever else is in it", () => {
    expect(() => parse({ version: 9, component: 7 })).toThrow(NewerFormatError);
    expect(() => parse({ version: 9 })).toThrow(`a newer version of Uncouple wrote this ${what} (format version 9`);
  });
});

describe("a manifest", () => {
  test("with an unknown field in its envelope is unreadable", () => {
    const envelope = manifest(1);
    expect(() => parseManifest({ ...envelope, addedLater: 1 })).toThrow("addedLater");
    expect(() => parseManifest({ ...envelope, contract: { ...envelope.contract, state: [] } })).toThrow("state");
    const [input] = envelope.contract.inputs;
    const contract = { ...envelope.contract, inputs: [{ ...input, unit: "m" }] };
    expect(() => parseManifest({ ...envelope, contract })).toThrow("unit");
  });

  test("with provenance of a newer version keeps all of it, and has the fields that are known", () => {
    const provenance = {
      protocol: { name: "annealed", parameters: { sigma: 0.1 }, stages: ["a", "b"] },
      optimizer: { name: "lion", betas: [0.9, 0.99] },
      schedule: { warmup: 10, decay: "one-cycle" },
      numerics: "wasm-simd-1",
      workers: { slots: 4, syncEvery: 50, audit: 0.01, numerics: "exact", epochs: [{ from: 0, members: 4 }] },
      carbon: { grams: 12.5 },
    };
    expect(parseManifest({ ...manifest(3), provenance }).provenance).toEqual(provenance);
  });

  test("with known provenance of another shape is readable, and keeps the fields aside", () => {
    const provenance = { seed: "seven", upstream: ["m1@1"], engine: "onnx:cpu", trainingLoss: 0.5 };
    const read = parseManifest({ ...manifest(3), provenance });
    expect(read.provenance).toEqual({
      engine: "onnx:cpu",
      trainingLoss: 0.5,
      misfits: { seed: "seven", upstream: ["m1@1"] },
    });
    // Stored again, nothing gets lost.
    expect(parseManifest(JSON.parse(JSON.stringify(read)))).toEqual(read);
  });

  test("with a sample keeps what newer versions say of it, and one of another shape is a misfit", () => {
    const data = (sample: unknown) => ({ fingerprint: "rows", rows: 2, sample });
    const read = (sample: unknown) => parseManifest({ ...manifest(3), provenance: { data: data(sample) } }).provenance;
    const drawn = { spec: { rows: 2, newer: true }, before: 9, removed: { rows: 7, newer: 0 } };
    expect(read(drawn)).toEqual({ data: data(drawn) });
    expect(read({ spec: {}, before: -1, removed: {} })).toMatchObject({ misfits: { data: { rows: 2 } } });
  });

  test("without any provenance is readable", () => {
    expect(parseManifest({ ...manifest(3), provenance: {} }).provenance).toEqual({});
    expect(() => parseManifest({ ...manifest(3), provenance: undefined })).toThrow("provenance");
  });

  test("of version 1 is read as version 2, with unknown fields in its provenance", () => {
    const fixture = new URL("../../../fixtures/store-0.1.0/expected.json", import.meta.url);
    const [{ manifest: stored }] = JSON.parse(readFileSync(fixture, "utf8")).snapshots;
    const { inputs, output, optimiser, version, ...rest } = stored;
    expect(version).toBe(1);
    const { pipeline, component, runId, serial, parent, digest, size, ...provenance } = rest;
    expect(parseManifest({ ...stored, numerics: "any" })).toEqual({
      version: 2,
      ...{ pipeline, component, runId, serial, parent, digest, size },
      publishedAt: provenance.finishedAt,
      contract: { inputs, output },
      pipelineDigest: null,
      provenance: { ...provenance, optimizer: optimiser, numerics: "any" },
    });
    expect(() => parseManifest({ ...stored, serial: 0, inputs: undefined })).toThrow(/(?=.*serial)(?=.*inputs)/);
  });
});

describe("a draft", () => {
  test("is rejected with known provenance of another shape: only readers are lenient", () => {
    expect(() => parseDraft(draft({ provenance: { trainingLoss: Number.NaN } }))).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringContaining("provenance.trainingLoss"),
      }),
    );
    expect(() => parseDraft({ ...draft(), addedLater: 1 })).toThrow("addedLater");
    const more = { ...draft(), provenance: { carbon: 1 } };
    expect(parseDraft(more)).toEqual(more);
  });
});

describe("a verdict", () => {
  test("of version 1 says how it was computed: the one way that there was", () => {
    const { version: _v, method, level, pipelineDigest, ...version1 } = verdict("m1", 2);
    expect(parseVerdict({ ...version1, version: 1 })).toEqual(verdict("m1", 2));
    expect([method, level, pipelineDigest]).toEqual(["paired-bootstrap", 0.95, null]);
  });

  test("of a kind and a method that only a newer version knows is readable", () => {
    const newer = verdict("m1", 2, { kind: "equivalent", method: "confidence-sequence", level: 0.99, groups: 40 });
    expect(parseVerdict(newer)).toEqual(newer);
  });
});
