import fc from "fast-check";
import { expect, test } from "vitest";
import { NewerFormatError } from "../../../../services/pipeline/documents/document.ts";
import { checkLedgerEntry, parseLedgerEntry } from "../../../../services/pipeline/documents/ledger-schema.ts";
import { candidateRun, decision, order, release, served } from "../../../helpers/drafts.ts";
import { ledgerEntries } from "../../../helpers/ledger-arbitraries.ts";

const one = {
  release: release(2),
  decision: decision({ m1: 2 }),
  order: order("hold", [{ component: "m1", serial: 2 }]),
  "candidate-run": candidateRun(),
  served: served("blue", 1),
};

test("entries survive a JSON round trip with every field, also those that only newer versions know", () => {
  fc.assert(
    fc.property(ledgerEntries, (entry) => {
      checkLedgerEntry(entry);
      const json = JSON.stringify(entry);
      expect(parseLedgerEntry(JSON.parse(json))).toEqual(JSON.parse(json));
    }),
  );
});

test.each(Object.entries(one))("a %s is rejected with the names of missing and invalid fields", (kind, entry) => {
  for (const [read, code] of [
    [parseLedgerEntry, "data-loss"],
    [checkLedgerEntry, "invalid-argument"],
  ] as const) {
    const { pipeline: _, ...broken } = { ...entry, version: 0, at: 7 };
    expect(() => read(broken as never)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(new RegExp(`not a valid ${kind}: (?=.*version)(?=.*pipeline)(?=.*at)`)),
      }),
    );
  }
});

test.each(Object.entries(one))("a %s lacks none of its fields", (_, entry) => {
  for (const key of Object.keys(entry)) {
    const { [key]: _gone, ...rest } = entry as unknown as Record<string, unknown>;
    expect(() => parseLedgerEntry(rest), key).toThrow(key);
  }
});

test.each([
  ["a release that does not follow the one before", { ...one.release, previous: 2 }, "previous"],
  ["a first release that follows another", { ...release(1), previous: 1 }, "previous"],
  ["a release of serial 0", { ...one.release, composition: { m1: 0 } }, "composition.m1"],
  ["a cause without what it names", { ...one.release, cause: { type: "decision" } }, "cause.position"],
  ["a cause that there is not", { ...one.release, cause: { type: "luck" } }, "cause"],
  ["a gate that is no digest", { ...one.decision, gate: "" }, "gate"],
  ["a decision that takes negative time", { ...one.decision, seconds: -1 }, "seconds"],
  ["a question of number 0", { ...one.decision, asked: { part: "confirm", question: 0 } }, "asked.question"],
  ["an order that there is not", { ...one.order, verb: "promote" }, "verb"],
  ["a follower whose name is no token of a subject", { ...one.served, follower: "a.b" }, "follower"],
  ["a kind that there is not", { version: 1, entry: "wish" }, "entry"],
  ["nothing", null, "entry of the ledger"],
])("%s is rejected", (_, document, field) => {
  expect(() => parseLedgerEntry(document)).toThrow(
    expect.objectContaining({ code: "data-loss", message: expect.stringContaining(field) }),
  );
});

test("an entry of a format that does not exist yet says that a newer version wrote it, whatever else is in it", () => {
  expect(() => parseLedgerEntry({ version: 2, entry: "wish" })).toThrow(NewerFormatError);
  expect(() => parseLedgerEntry({ version: 2 })).toThrow("a newer version of Uncouple wrote this entry of the ledger");
});

test("a reason of a newer version is kept", () => {
  const later = { ...one.decision, decision: "held", reasons: ["too-late-in-the-week"] };
  expect(parseLedgerEntry(later)).toEqual(later);
});
