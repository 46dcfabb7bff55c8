import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { checkCertificateFile } from "../../../../services/cli/doctor/certificates.ts";
import { type Check, checksOf } from "../../../../services/cli/doctor/check.ts";
import { checkRights } from "../../../../services/cli/doctor/check-rights.ts";
import { checkServers } from "../../../../services/cli/doctor/check-servers.ts";
import { checkClock, checkReplicas, checkStreams } from "../../../../services/cli/doctor/check-streams.ts";
import { checksText } from "../../../../services/cli/doctor/checks-text.ts";
import { addRole, rolesOf } from "../../../../services/cli/doctor/roles.ts";
import { checkStore } from "../../../../services/cli/doctor/stores.ts";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { Role } from "../../../../services/registry/jetstream/grants.ts";
import type {
  CopyReport,
  PipelineReport,
  RoleReport,
  StreamReport,
} from "../../../../services/registry/jetstream/inspect-pipeline.ts";

const nothing: PipelineReport = {
  clustered: false,
  restricted: true,
  absent: new Map(),
  streams: [],
  queue: true,
  file: { components: { m1: {}, m2: {} } },
  roles: [],
  clockOffset: 0,
};
const trainer = (component: string): Role => ({ kind: "trainer", components: [component] });
const role = (of: Role, held: number, ...rights: string[]): RoleReport => ({
  role: of,
  held,
  missing: rights.map((right) => ({ right, subject: "s" })),
  untried: [],
});
const evaluator: Role = { kind: "evaluator", deletes: false, links: [] };

describe("rights", () => {
  const rights = (roles: readonly RoleReport[], ...named: string[]) => checkRights({ ...nothing, roles }, named);

  test("a key that has the rights of one role is fine", () => {
    expect(rights([role(trainer("m1"), 6), role(evaluator, 0, "write verdicts")])).toEqual([
      { section: "rights", name: "key", status: "ok", detail: "has all rights of trainer:m1", advice: null },
    ]);
  });

  test("a key that lacks a part of a role's rights is told of the role that it is closest to", () => {
    const found = rights([role(trainer("m1"), 1, "a", "b", "c"), role(evaluator, 3, "write verdicts")]);
    expect(found).toMatchObject([
      { status: "failure", detail: "is that of evaluator, and lacks the right to write verdicts (s)" },
    ]);
  });

  test("a key that may only read is a warning, unless it should do more", () => {
    const roles = [role(trainer("m1"), 1, "a", "b"), role(evaluator, 0, "c", "d")];
    expect(rights(roles)).toMatchObject([{ status: "warning", detail: expect.stringContaining("may read") }]);
    expect(rights(roles, "evaluator")).toMatchObject([
      { name: "evaluator", status: "failure", detail: "lacks the right to c (s), to d (s)" },
    ]);
  });

  test("a key that cannot read is a failure", () => {
    const roles = [role(evaluator, 0, "read the pipeline's streams", "c")];
    expect(rights(roles)).toMatchObject([
      { status: "failure", detail: "lacks the right to read the pipeline's streams (s)" },
    ]);
  });

  test("a key of several kinds of roles is a warning, one of several trainers is a team's", () => {
    const team = [role(trainer("m1"), 6), role(trainer("m2"), 6)];
    expect(rights(team).map(({ status }) => status)).toEqual(["ok"]);
    expect(rights([...team, role(evaluator, 4)]).map(({ name, status }) => [name, status])).toEqual([
      ["key", "ok"],
      ["isolation", "warning"],
    ]);
  });

  test("without a pipeline file, trainers are not known", () => {
    const report = { ...nothing, file: undefined, roles: [role(evaluator, 4)] };
    expect(checkRights(report, []).map(({ status }) => status)).toEqual(["ok", "unknown"]);
    expect(checkRights(report, ["evaluator"]).map(({ status }) => status)).toEqual(["ok"]);
  });

  test("what could not be tried is unknown", () => {
    const untried = { ...role(evaluator, 4), untried: ["s"] };
    expect(rights([untried])).toMatchObject([{ status: "unknown", detail: "no answer about s" }]);
    expect(rights([untried], "evaluator")).toMatchObject([{ status: "unknown" }]);
  });

  test("roles come from the pipeline file and from --as, which takes no others", () => {
    // Another pipeline trains m2.
    const file = { components: { m1: {}, m2: { from: {} } }, retention: { keep: 3 } };
    expect(rolesOf(file, ["trainer:m9", "evaluator"])).toEqual([
      trainer("m1"),
      trainer("m9"),
      { kind: "evaluator", deletes: true, links: ["m2"] },
      { kind: "operator" },
    ]);
    expect(rolesOf(undefined, ["follower:serving"])).toContainEqual({ kind: "follower", name: "serving" });
    expect(addRole("trainer:m1", ["operator"])).toEqual(["operator", "trainer:m1"]);
    expect(addRole("follower:serving")).toEqual(["follower:serving"]);
    for (const wrong of ["trainer", "trainer:", "m1", "operators", "follower", "follower:a:b"]) {
      expect(() => addRole(wrong)).toThrow(InvalidArgumentError);
    }
  });
});

describe("streams and replicas", () => {
  const copy = (server: string, change: Partial<CopyReport> = {}): CopyReport => ({
    ...{ server, state: "current", lag: 0, heardSecondsAgo: 0.4 },
    ...change,
  });
  const stream = (change: Partial<StreamReport> = {}): StreamReport => ({
    ...{ stream: "s", faults: [], replicas: 3, leader: "n1", copies: [copy("n2"), copy("n3")] },
    ...change,
  });
  const replicas = (change: Partial<StreamReport>) =>
    checkReplicas({ ...nothing, clustered: true, streams: [stream(change)] });

  test("three current copies are fine, and so is a single server", () => {
    expect(replicas({})).toMatchObject([{ status: "ok", detail: "3 copies, all current" }]);
    expect(checkReplicas(nothing)).toMatchObject([{ status: "ok" }]);
  });

  test("a server that is gone is a failure, a late one a warning", () => {
    const gone = copy("n2", { state: "silent", heardSecondsAgo: 12.3 });
    expect(replicas({ copies: [gone, copy("n3")] })).toMatchObject([
      { status: "failure", detail: "n2 is gone or cut off for 12 s" },
    ]);
    const late = copy("n2", { state: "behind", lag: 7 });
    expect(replicas({ copies: [late, copy("n3")] })).toMatchObject([
      { status: "warning", detail: "n2 is 7 operations behind" },
    ]);
  });

  test("one copy in a cluster is a warning, no leader a failure", () => {
    expect(replicas({ replicas: 1, copies: [] })).toMatchObject([
      { status: "warning", advice: expect.stringContaining("--replicas 3") },
    ]);
    const { leader: _, ...without } = stream();
    expect(checkReplicas({ ...nothing, clustered: true, streams: [without] })).toMatchObject([
      { status: "failure", detail: "has no leader" },
    ]);
  });

  test("a stream that is missing, silent or hidden", () => {
    const absent = new Map([
      ["missing", null],
      ["silent", new UncoupleError("deadline-exceeded", "no answer")],
      ["hidden", new UncoupleError("failed-precondition", "does not permit")],
    ]);
    expect(checkStreams({ ...nothing, absent }).map(({ name, status }) => [name, status])).toEqual([
      ["missing", "failure"],
      ["silent", "failure"],
      ["hidden", "unknown"],
      ["evaluators' queue", "ok"],
    ]);
  });

  test("a fault that loses data is a failure, one that removes a protection a warning", () => {
    const fault = { serious: false, what: "is lax", set: "a: 1" };
    const judge = (...faults: StreamReport["faults"]) =>
      checkStreams({ ...nothing, queue: undefined, streams: [stream({ faults })] });
    expect(judge(fault)).toMatchObject([
      { status: "warning", detail: "is lax", advice: "set a: 1 with `nats stream edit s`" },
    ]);
    expect(judge(fault, { serious: true, what: "is in memory", set: null })).toMatchObject([
      { status: "failure", detail: "is lax; is in memory", advice: expect.stringContaining("needs a new stream") },
    ]);
  });

  test("without the evaluators' queue, an account of evaluators cannot work", () => {
    expect(checkStreams({ ...nothing, queue: false })).toMatchObject([{ status: "failure" }]);
    expect(checkStreams({ ...nothing, queue: false, restricted: false })).toMatchObject([{ status: "warning" }]);
  });
});

test.each([
  [undefined, "unknown", "does not tell its time"],
  [0.004, "ok", "0.00 s ahead"],
  [-4.9, "ok", "4.90 s behind"],
  [5.1, "warning", "5.10 s ahead"],
  [-7_200, "failure", "7200 s behind"],
] as const)("a clock offset of %s s is %s", (clockOffset, status, text) => {
  expect(checkClock({ clockOffset })).toMatchObject({ status, detail: expect.stringContaining(text) });
});

test("a store is fine below 80 %, and a failure from 95 % on", () => {
  const store = (used: number | null, advice: string | null) =>
    checkStore({ store: "s", used, limit: 100, fillsUp: null, detail: "d", advice }).status;
  expect([store(50, null), store(80, "gc"), store(95, "gc"), store(null, null)]).toEqual([
    "ok",
    "warning",
    "failure",
    "unknown",
  ]);
});

test("a server that is too old for this version is a failure, one that cannot sync first a warning", () => {
  const server = (version: string | null, syncsFirst: boolean | null) =>
    checkServers([{ server: "s", version, syncsFirst, detail: "d" }]).map(({ status }) => status);
  expect(server("2.8.4", false)).toEqual(["failure", "warning"]);
  expect(server("2.9.10", false)).toEqual(["ok", "warning"]);
  expect(server("2.15.1", true)).toEqual(["ok", "ok"]);
  expect(server("2.15.1", null)).toEqual(["ok", "unknown"]);
  expect(server(null, null)).toEqual(["failure", "unknown"]);
});

test("a certificate is a warning two weeks before it expires", () => {
  const pem = readFileSync(join(import.meta.dirname, "../../../helpers/tls/ca.pem"));
  const at = (now: number) => checkCertificateFile("--nats-ca ca.pem", pem, { now: () => now });
  const expires = Date.parse(at(Date.parse("2026-12-01")).detail.slice(-10));
  const day = 86_400_000;
  expect(at(expires - 15 * day)).toMatchObject({ status: "ok" });
  expect(at(expires - 13 * day)).toMatchObject({ status: "warning" });
  expect(at(expires + 2 * day)).toMatchObject({ status: "failure", detail: expect.stringContaining("expired on") });
  expect(at(Date.parse("2000-01-01"))).toMatchObject({
    status: "failure",
    detail: expect.stringContaining("not valid"),
  });
  const text = Buffer.from("no certificate");
  expect(checkCertificateFile("f", text, { now: () => 0 })).toMatchObject({ status: "failure" });
});

test("checks that are fine for one reason share a line; others have their own, with what to do", () => {
  const { ok, failure } = checksOf("streams");
  const checks: readonly Check[] = [
    ok("a", "is fine"),
    failure("b", "does not exist", "create it"),
    ok("c", "is fine"),
    checksOf("clocks").unknown("n\u001b[31m", "is\nhidden", null),
  ];
  expect(checksText(checks, createStyle(false), 60)).toBe(`streams
  ok       a, c: is fine
  failure  b: does not exist
           create it

clocks
  unknown  n [31m: is hidden

4 checks: ok 2, failure 1, warning 0, unknown 1`);
});
