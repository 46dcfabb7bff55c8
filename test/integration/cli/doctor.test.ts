import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../../services/cli/doctor/check.ts";
import { type ExamineFlags, examine } from "../../../services/cli/doctor/examine.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import type { TrainerStatus } from "../../../services/rpc/services/trainer-service.ts";
import { packageInfo } from "../../../services/runtime/package-info.ts";
import { silentContext } from "../../helpers/cli-context.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../../helpers/raw-nats.ts";
import { serve } from "../../helpers/rpc.ts";

let server: TestNats;
let raw: RawNats;
let backplanes: readonly JetStreamBackplane[];

beforeAll(async () => {
  server = await startTestNats();
  raw = await connectRaw(server.url);
  const open = (pipeline: string) =>
    connectJetStream({ url: server.url, pipeline, name: "test", clock: systemClock, maxStoreBytes: 2_000_000 });
  backplanes = await Promise.all(["fine", "changed"].map(open));
});
afterAll(async () => {
  await Promise.all(backplanes.map((one) => one.close()));
  await raw.close();
  await server.stop();
});

const look = (flags: ExamineFlags) => examine({ nats: server.url, ...flags }, silentContext);
const of = (checks: readonly Check[], section: Check["section"]) => checks.filter((check) => check.section === section);

test("a pipeline on one server works, with warnings about what it lacks for production", async () => {
  const { checks } = await look({ pipeline: "fine" });
  expect(checks.filter(({ status }) => status === "failure")).toEqual([]);
  expect(of(checks, "streams")).toHaveLength(10);
  expect(
    of(checks, "streams")
      .slice(0, 9)
      .every(({ status }) => status === "ok"),
  ).toBe(true);
  expect(of(checks, "streams").at(-1)).toMatchObject({ name: "evaluators' queue", status: "warning" });
  expect(of(checks, "rights")).toMatchObject([
    { name: "key", status: "ok", detail: "has all rights of evaluator, operator" },
    { name: "trainers", status: "unknown", detail: expect.stringContaining("no pipeline file is in force") },
    { name: "isolation", status: "warning", advice: expect.stringContaining("uncouple scaffold nats") },
  ]);
});

test("streams that an administrator changed say what they lose, and how to set them", async () => {
  const update = async (kind: string, change: object) => {
    const { config } = await raw.jsm.streams.info(`uncouple-changed-${kind}`);
    await raw.jsm.streams.update(`uncouple-changed-${kind}`, { ...config, ...change });
  };
  await update("snapshots", { max_age: 3_600e9 });
  await update("verdicts", { max_msgs: 100 });
  await update("pipelines", { allow_rollup_hdrs: false, subjects: ["uncouple.changed.pipelines.other"] });
  await raw.jsm.streams.delete("uncouple-changed-aliases");
  await raw.jsm.streams.delete("uncouple-changed-quarantines");
  await raw.jsm.streams.add({
    name: "uncouple-changed-quarantines",
    subjects: ["uncouple.changed.quarantines.>"],
    storage: "memory" as never,
    deny_purge: true,
    allow_direct: true,
  });
  const { checks } = await look({ pipeline: "changed" });
  const streams = Object.fromEntries(of(checks, "streams").map((check) => [check.name, check]));
  expect(streams["uncouple-changed-snapshots"]).toMatchObject({
    status: "failure",
    detail: "deletes messages older than 3600 s",
    advice: "set max_age: 0 with `nats stream edit uncouple-changed-snapshots`",
  });
  expect(streams["uncouple-changed-verdicts"]).toMatchObject({
    status: "failure",
    detail: "deletes its oldest messages from 100 messages on",
  });
  expect(streams["uncouple-changed-pipelines"]).toMatchObject({
    status: "failure",
    detail: "does not take uncouple.changed.pipelines.>",
  });
  expect(streams["uncouple-changed-aliases"]).toMatchObject({ status: "failure", detail: "does not exist" });
  expect(streams["uncouple-changed-quarantines"]).toMatchObject({
    status: "failure",
    detail: "is kept in memory, which a restart of the server loses",
  });
  expect(streams["uncouple-changed-tombstones"]).toMatchObject({ status: "ok" });
});

test("an unknown pipeline, a server that is not there and one that wants a password are failures with advice", async () => {
  const unknown = await look({ pipeline: "fin" });
  expect(of(unknown.checks, "connection")).toMatchObject([
    { status: "failure", detail: expect.stringContaining('no pipeline "fin"; did you mean "fine"?') },
  ]);
  const away = await look({ nats: `nats://127.0.0.1:${await freePort()}`, pipeline: "fine" });
  expect(of(away.checks, "connection")).toMatchObject([
    { status: "failure", advice: expect.stringContaining("correct --nats") },
  ]);
  expect(of(away.checks, "versions")).toMatchObject([{ status: "failure" }]);
  const locked = await startTestNats({ name: "user", password: "secret" });
  const refused = await look({ nats: locked.url.replace(/\/\/[^@]*@/, "//"), pipeline: "fine" });
  expect(of(refused.checks, "connection")).toMatchObject([
    { status: "failure", detail: expect.stringContaining("requires credentials") },
  ]);
  await locked.stop();
});

describe("services", () => {
  const status: TrainerStatus = {
    pipeline: "fine",
    component: "m1",
    engine: "wasm",
    state: "idle",
    run: null,
    queued: 0,
    queueCapacity: 8,
    newest: null,
    pipelineDigest: "a".repeat(64),
    appliedDigest: "a".repeat(64),
    version: packageInfo().version,
    problem: null,
  };
  const examineOnly = (flags: ExamineFlags) => examine(flags, silentContext);

  test("a trainer of this version with the file in force is fine", async () => {
    const { address } = await serve({ component: "m1", trainer: { status: async () => status } });
    const { checks } = await examineOnly({ trainer: [address] });
    expect(checks.map(({ section, status: found }) => [section, found])).toEqual([
      ["versions", "ok"],
      ["services", "ok"],
    ]);
  });

  test("another version, another pipeline file and a service that is not there are told", async () => {
    const old = { ...status, version: "0.0.9", appliedDigest: "b".repeat(64) };
    const { address } = await serve({ component: "m1", trainer: { status: async () => old } });
    const gone = `127.0.0.1:${await freePort()}`;
    const { checks } = await examineOnly({ trainer: [address], evaluator: gone });
    expect(of(checks, "versions")).toMatchObject([
      { status: "warning", detail: `runs 0.0.9, and this command is ${packageInfo().version}` },
    ]);
    expect(of(checks, "services")).toMatchObject([
      { name: `trainer of m1 at ${address}`, status: "failure", detail: expect.stringContaining("is not ready") },
      { name: `evaluator at ${gone}`, status: "failure" },
    ]);
  });

  test("certificates are read from the connection and from the files", async () => {
    const tls = join(import.meta.dirname, "../../helpers/tls");
    const pem = (name: string) => readFileSync(join(tls, name));
    const settings = { certificate: pem("server.pem"), key: pem("server.key"), clientCa: pem("ca.pem") };
    const { address } = await serve({ component: "m1", trainer: { status: async () => status } }, { tls: settings });
    const { checks } = await examineOnly({
      trainer: [address],
      tlsCa: join(tls, "ca.pem"),
      tlsCert: join(tls, "client.pem"),
      tlsKey: join(tls, "client.key"),
    });
    const certificates = of(checks, "certificates");
    expect(certificates.map(({ name }) => name.split(" ")[0])).toEqual(["trainer", "--tls-ca", "--tls-cert"]);
    for (const one of certificates)
      expect(one).toMatchObject({ status: "ok", detail: expect.stringMatching(/^expires in \d+ days/) });
    expect(of(checks, "services")).toMatchObject([{ status: "ok" }]);
  });
});
