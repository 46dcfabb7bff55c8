import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { parseManifest } from "../../../../services/pipeline/documents/manifest-schema.ts";
import { parseQuarantine, parseVerdict } from "../../../../services/pipeline/documents/verdict-schema.ts";
import { manifests, quarantines, verdicts } from "../../../helpers/arbitraries.ts";

const documents = [
  ["manifest", manifests as fc.Arbitrary<object>, parseManifest],
  ["verdict", verdicts as fc.Arbitrary<object>, parseVerdict],
  ["quarantine", quarantines as fc.Arbitrary<object>, parseQuarantine],
] as const;

describe.each(documents)("a %s", (what, arbitrary, parse) => {
  test("survives a JSON round trip, without keys added by newer versions", () => {
    fc.assert(
      fc.property(arbitrary, (document) => {
        const json = JSON.stringify({ ...document, addedLater: 1 });
        expect(parse(JSON.parse(json))).toEqual(document);
      }),
    );
  });

  test("is rejected with the names of missing fields and of a wrong version", () => {
    const [document] = fc.sample(arbitrary, { numRuns: 1, seed: 1 });
    const broken: Record<string, unknown> = { ...document, serial: "3", version: 2 };
    delete broken.pipeline;
    const attempt = () => parse(broken);
    expect(attempt).toThrow(UncoupleError);
    expect(attempt).toThrow(new RegExp(`not a valid ${what}: (?=.*serial)(?=.*version)(?=.*pipeline)`));
    expect(() => parse(null)).toThrow(`not a valid ${what}`);
  });
});
