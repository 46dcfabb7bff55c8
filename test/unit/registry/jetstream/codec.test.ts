import { expect, test } from "vitest";
import { readers } from "../../../../services/registry/jetstream/codec.ts";
import { manifest } from "../../../helpers/drafts.ts";

const encode = (document: unknown) => new TextEncoder().encode(JSON.stringify(document));
const object = { name: "m1/run/1", nuid: "abc" };
const origin = { pipeline: "ads", component: "m1", serial: 7 };
const linked = manifest(1, { provenance: { origin } });

test("an announcement says where the bytes are, or which snapshot of another pipeline it is", () => {
  expect(readers.announcement(encode({ manifest: linked }))).toEqual({ value: { manifest: linked } });
  const own = manifest(1);
  expect(readers.announcement(encode({ manifest: own, object }))).toEqual({ value: { manifest: own, object } });
  // Its bytes are here: where they came from is only said.
  expect(readers.announcement(encode({ manifest: linked, object }))).toEqual({ value: { manifest: linked, object } });
});

test.each([
  ["neither", manifest(1)],
  ["an origin of another shape", manifest(1, { provenance: { origin: { ...origin, serial: 0 } } })],
])("an announcement with %s cannot be read", (_, document) => {
  expect(readers.announcement(encode({ manifest: document }))).toMatchObject({
    wrong: expect.stringContaining("not a valid announcement: object: "),
    newer: false,
  });
});

test("the object of a linked snapshot is none, as versions that do not know links find", () => {
  expect(readers.announcedObject(encode({ manifest: linked }))).toHaveProperty("wrong");
});
