import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { breakingChanges, loadProtoFolder } from "../../helpers/proto-compatibility.ts";

const protos = resolve(import.meta.dirname, "../../../proto");
const releases = readdirSync(join(protos, "released"));

const released = (release: string) => loadProtoFolder(join(protos, "released", release));

/** Today's protos, with a change to one of the files. */
function today(edit?: readonly [file: string, from: string, to: string]) {
  const folder = mkdtempSync(join(tmpdir(), "uncouple-protos-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(protos, "uncouple"), join(folder, "uncouple"), { recursive: true });
  if (edit !== undefined) {
    const [file, from, to] = edit;
    const path = join(folder, "uncouple/v1", file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(from);
    writeFileSync(path, text.replaceAll(from, to));
  }
  return loadProtoFolder(folder);
}

test.each(releases)("the protos only add to those of release %s", (release) => {
  expect(breakingChanges(released(release), today())).toEqual([]);
});

test("there is a release to compare with", () => {
  expect(releases).toContain("0.1.0");
});

test.each([
  [
    "a removed field",
    ["trainer.proto", "  repeated string warnings = 15;\n", ""],
    "uncouple.v1.Run.warnings = 15 was removed",
  ],
  [
    "a removed field, even if its number is reserved",
    ["trainer.proto", "  repeated string warnings = 15;\n", "  reserved 15;\n"],
    "uncouple.v1.Run.warnings = 15 was removed",
  ],
  [
    "a renumbered field",
    ["trainer.proto", "repeated string warnings = 15;", "repeated string warnings = 99;"],
    "uncouple.v1.Run.warnings = 15 was renumbered to 99",
  ],
  [
    "a renamed field",
    ["trainer.proto", "repeated string warnings = 15;", "repeated string notes = 15;"],
    "uncouple.v1.Run.warnings = 15 was renamed to notes",
  ],
  [
    "a field of another type",
    ["trainer.proto", "uint32 queued = 6;", "uint64 queued = 6;"],
    "uncouple.v1.TrainerStatus.queued = 6 was uint32 and is uint64",
  ],
  [
    "a field with another message",
    ["trainer.proto", "  Protocol protocol = 5;", "  Error protocol = 5;"],
    "uncouple.v1.Run.protocol = 5 was uncouple.v1.Protocol and is uncouple.v1.Error",
  ],
  [
    "a map of another type",
    ["evaluator.proto", "map<string, uint32> current = 6;", "map<string, uint64> current = 6;"],
    "uncouple.v1.EvaluatorStatus.current = 6 was map<string, uint32> and is map<string, uint64>",
  ],
  [
    "a field that repeats",
    ["trainer.proto", "uint32 queued = 6;", "repeated uint32 queued = 6;"],
    "uncouple.v1.TrainerStatus.queued = 6 was uint32 and is repeated uint32",
  ],
  [
    "a field that is no longer optional",
    ["trainer.proto", "optional uint32 newest = 8;", "uint32 newest = 8;"],
    "uncouple.v1.TrainerStatus.newest = 8 was optional uint32 and is uint32",
  ],
  [
    "a field of another oneof",
    ["common.proto", "oneof value {", "oneof content {"],
    "uncouple.v1.ParameterValue.number = 1 was oneof value double and is oneof content double",
  ],
  ["a removed message", ["evaluator.proto", "MatrixCell", "Cell"], "uncouple.v1.MatrixCell was removed"],
  [
    "a removed member of an enum",
    ["trainer.proto", "  RUN_TRIGGER_UPSTREAM = 3;\n", ""],
    "uncouple.v1.RunTrigger.RUN_TRIGGER_UPSTREAM = 3 was removed",
  ],
  [
    "a renumbered member of an enum",
    ["common.proto", "INTERNAL = 10;", "INTERNAL = 99;"],
    "uncouple.v1.ErrorReason.INTERNAL = 10 was renumbered to 99",
  ],
  [
    "a removed method",
    ["trainer.proto", "  rpc GetRun(GetRunRequest) returns (Run);\n", ""],
    "uncouple.v1.Trainer.GetRun was removed",
  ],
  [
    "a method that streams",
    ["trainer.proto", "rpc GetRun(GetRunRequest) returns (Run);", "rpc GetRun(GetRunRequest) returns (stream Run);"],
    "uncouple.v1.Trainer.GetRun was (uncouple.v1.GetRunRequest) returns (uncouple.v1.Run) and is (uncouple.v1.GetRunRequest) returns (stream uncouple.v1.Run)",
  ],
] as const)("%s is refused", (_what, edit, change) => {
  expect(breakingChanges(released("0.1.0"), today(edit))).toContain(change);
});

test.each([
  ["trainer.proto", "repeated string warnings = 15;", "repeated string warnings = 15;\n  string added = 99;"],
  ["trainer.proto", "    bytes chunk = 2;", "    bytes chunk = 2;\n    string added = 99;"],
  ["trainer.proto", "  RUN_STATE_FAILED = 6;", "  RUN_STATE_FAILED = 6;\n  RUN_STATE_ADDED = 99;"],
  ["trainer.proto", "  rpc GetRun(", "  rpc Added(GetRunRequest) returns (Run);\n  rpc GetRun("],
  ["common.proto", "message Error {", "message Added {}\nmessage Error {"],
] as const)("an addition to %s after %s is no breaking change", (...edit) => {
  expect(breakingChanges(released("0.1.0"), today(edit))).toEqual([]);
});
