import { join } from "node:path";
import type { NatsConnection as NatsClient } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkNatsCertificate } from "../../services/cli/doctor/certificates.ts";
import type { Check } from "../../services/cli/doctor/check.ts";
import { type ExamineFlags, examine } from "../../services/cli/doctor/examine.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { silentContext } from "../helpers/cli-context.ts";
import { draft, model } from "../helpers/drafts.ts";
import { type AccountsNats, startAccountsNats, TLS } from "../helpers/nats-accounts.ts";
import { type NatsCluster, startNatsCluster } from "../helpers/nats-cluster.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";

const versions = await natsVersions();
const cases = versions.flatMap((version) => [
  { version, tls: false, name: `nats-server ${version.version}` },
  { version, tls: true, name: `nats-server ${version.version} with TLS` },
]);
const ALL = ["trainer:m1", "trainer:m2", "trainer:m3", "evaluator", "operator"];

function notOk(checks: readonly Check[]): readonly Check[] {
  return checks.filter(({ status }) => status !== "ok");
}

describe.each(cases)("$name", ({ version, tls }) => {
  let server: AccountsNats;
  const look = (user: string, flags: ExamineFlags = {}) =>
    examine(
      {
        nats: server.url,
        pipeline: "demo",
        natsNkey: server.keyFile(user),
        ...(tls && { natsCa: join(TLS, "ca.pem") }),
        ...flags,
      },
      silentContext,
    );
  beforeAll(async () => {
    server = await startAccountsNats(version, { tls });
    const m1 = await server.open("m1");
    await m1.registry.publish(draft({ component: "m1" }), model(1, 700_000), null);
  });
  afterAll(() => server?.stop());

  /** Everything that the streams and their consumers are and have. */
  async function everything(): Promise<unknown> {
    const operator: NatsClient = await server.raw("operator");
    const ask = async (subject: string) => {
      const answer = (await operator.request(subject, "", { timeout: 5_000 })).json<Record<string, unknown>>();
      // When it was asked.
      return { ...answer, ts: "" };
    };
    const { streams } = (await operator.request("$JS.API.STREAM.NAMES")).json<{ streams: readonly string[] }>();
    return Promise.all([
      ...streams.map((stream) => ask(`$JS.API.STREAM.INFO.${stream}`)),
      ask("$JS.API.CONSUMER.INFO.uncouple-demo-snapshots.evaluator"),
    ]);
  }

  test.each([
    ["m1", "trainer:m1"],
    ["m2", "trainer:m2"],
    ["evaluator", "evaluator"],
    ["operator", "operator"],
    ["serving", "follower:serving"],
  ])("the key of %s has the rights of %s and of no other role, and trying them changes nothing", async (user, role) => {
    const before = await everything();
    const { rights, checks } = await look(user, { as: [role] });
    expect(rights.filter(({ complete }) => complete)).toEqual([{ role, complete: true, missing: [] }]);
    expect(rights.map((one) => one.role)).toEqual([...new Set([...ALL, role])]);
    const attention = notOk(checks).map(({ section }) => section);
    // Clients see neither whether this server syncs nor, before version 2.10, its clock.
    expect(attention).toEqual(version.version.startsWith("2.9.") ? ["sync", "clocks"] : ["sync"]);
    expect(checks.filter(({ section }) => section === "certificates")).toHaveLength(tls ? 2 : 0);
    expect(await everything()).toEqual(before);
  });

  test("a key of another role is told what it lacks", async () => {
    const { checks } = await look("m2", { as: ["trainer:m1", "evaluator"] });
    expect(checks.filter(({ section }) => section === "rights")).toMatchObject([
      {
        name: "trainer:m1",
        status: "failure",
        detail: expect.stringContaining(
          "to announce snapshots of m1 (uncouple.demo.snapshots.m1.*), to move aliases of",
        ),
      },
      {
        name: "evaluator",
        status: "failure",
        detail: expect.stringContaining("take announcements from the evaluators'"),
      },
    ]);
  });

  test("a right that the accounts lack is named", async () => {
    await server.edit((accounts) => accounts.replaceAll(/^ +"uncouple\.demo\.verdicts\.\*\.\*"\n/gm, ""));
    const { checks, rights } = await look("evaluator");
    expect(checks.filter(({ section }) => section === "rights")).toMatchObject([
      {
        status: "failure",
        name: "key",
        detail: "is that of evaluator, and lacks the right to write verdicts (uncouple.demo.verdicts.*.*)",
      },
    ]);
    expect(rights.find(({ role }) => role === "evaluator")?.missing).toEqual(["write verdicts"]);
    await server.reload();
  });

  test("a missing import is named as the right that it gives", async () => {
    await server.edit((accounts) =>
      accounts.replaceAll(/^ +\{ service: \{ account: HUB, subject: "uncouple\.demo\.quarantines.*\n/gm, ""),
    );
    const { checks } = await look("evaluator", { as: ["evaluator"] });
    expect(checks.filter(({ section }) => section === "rights")).toMatchObject([
      { status: "failure", detail: "lacks the right to write quarantines (uncouple.demo.quarantines.*.*)" },
    ]);
    await server.reload();
  });

  test("without a key, the connection fails", async () => {
    const refused = await examine(
      { nats: server.url, pipeline: "demo", ...(tls && { natsCa: join(TLS, "ca.pem") }) },
      silentContext,
    );
    expect(refused.checks[0]).toMatchObject({
      section: "connection",
      status: "failure",
      detail: expect.stringContaining("requires credentials"),
    });
  });

  test.runIf(tls)("the server's certificate is read before it expires", async () => {
    const check = (now: number) => checkNatsCertificate(server.url, {}, { now: () => now });
    const fine = await check(systemClock.now());
    expect(fine).toMatchObject({ status: "ok", detail: expect.stringMatching(/^expires in \d+ days, on /) });
    const date = Date.parse(fine?.detail.slice(-10) ?? "");
    expect(await check(date - 13 * 86_400_000)).toMatchObject({ status: "warning" });
    expect(await check(date + 2 * 86_400_000)).toMatchObject({
      status: "failure",
      detail: expect.stringContaining("expired on"),
    });
  });
});

describe.each(versions)("a cluster of three of nats-server $version", (version) => {
  let cluster: NatsCluster;
  const flags = () => ({ nats: cluster.url, pipeline: "demo" });
  beforeAll(async () => {
    cluster = await startNatsCluster(version);
    const backplane = await connectJetStream({
      url: cluster.url,
      pipeline: "demo",
      name: "test",
      clock: systemClock,
      maxStoreBytes: 64 * 1024 ** 2,
    });
    await backplane.registry.publish(draft(), model(1), null);
    await backplane.close();
  });
  afterAll(() => cluster?.stop());
  const replicas = async () =>
    (await examine(flags(), silentContext)).checks.filter(({ section }) => section === "replicas");

  test("all copies are current, the clocks agree, and nothing is changed", async () => {
    await expect
      .poll(async () => (await replicas()).map(({ status }) => status), { timeout: 60_000 })
      .toEqual(Array.from({ length: 9 }, () => "ok"));
    const raw = await connectRaw(cluster.url);
    const states = async () => {
      const all = await raw.jsm.streams.list().next();
      const named = all.map(({ config, state }) => ({ name: config.name, config, state }));
      return named.sort((a, b) => (a.name < b.name ? -1 : 1));
    };
    const before = await states();
    expect(before).toHaveLength(9);
    const { checks } = await examine(flags(), silentContext);
    expect(await states()).toEqual(before);
    await raw.close();
    expect(checks.filter(({ section }) => section === "versions")).toHaveLength(3);
    const clock = version.version.startsWith("2.9.") ? "unknown" : "ok";
    expect(checks.find(({ section }) => section === "clocks")).toMatchObject({ status: clock });
  });

  test("with a node stopped, each stream says whose copy is missing, and the command fails", async () => {
    const [victim] = cluster.servers;
    await victim?.kill();
    const fails = async () => {
      const checks = await replicas();
      return checks.filter(
        ({ status, detail }) => status === "failure" && detail.includes(`${victim?.name} is gone or cut off`),
      );
    };
    await expect.poll(async () => (await fails()).length, { timeout: 90_000, interval: 1_000 }).toBe(9);
    const { code, stdout } = await cli(["doctor", "--nats", cluster.url, "--pipeline", "demo", "--json"]);
    expect(code).toBe(5);
    const { engines, checks } = JSON.parse(stdout) as {
      engines: readonly { choice: string; available: boolean; detail: string }[];
      checks: readonly Check[];
    };
    const tensorflow = engines.find(({ choice }) => choice === "tensorflow");
    if (tensorflow?.available !== true) expect(tensorflow?.detail).toContain("`uncouple build-tensorflow`");
    expect(checks.filter(({ status }) => status === "failure").map(({ section }) => section)).toEqual([
      "versions",
      ...Array.from({ length: 9 }, () => "replicas"),
    ]);
    await victim?.start();
    await expect.poll(async () => (await fails()).length, { timeout: 90_000, interval: 1_000 }).toBe(0);
  });
});
