import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NatsConnection as NatsClient, headers as natsHeaders } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { collectGarbage } from "../../services/composition/collect-garbage.ts";
import { withPipelineView } from "../../services/composition/pipeline-view.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { createFollower } from "../../services/serving/follower.ts";
import { openReleaseFolders } from "../../services/serving/release-folders.ts";
import { cli } from "../helpers/cli.ts";
import {
  candidateRun,
  decision,
  delivered,
  draft,
  model,
  order,
  quarantine,
  release,
  served,
  verdict,
} from "../helpers/drafts.ts";
import { type AccountsNats, startAccountsNats, TLS } from "../helpers/nats-accounts.ts";
import {
  type Attack,
  evaluatorAttacks,
  followerAttacks,
  operatorAttacks,
  STREAMS,
  teamAttacks,
} from "../helpers/nats-attacks.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { take } from "../helpers/take.ts";

const cases = (await natsVersions()).flatMap((version) => [
  { version, tls: false, name: `nats-server ${version.version}` },
  { version, tls: true, name: `nats-server ${version.version} with TLS` },
]);

describe.each(cases)("$name, accounts", ({ version, tls }) => {
  let server: AccountsNats;
  let m1: JetStreamBackplane;
  let m2: JetStreamBackplane;
  let evaluator: JetStreamBackplane;
  let operator: JetStreamBackplane;
  let root: NatsClient;
  let first: SnapshotManifest;
  const bytes = model(1, 1_300_000);

  beforeAll(async () => {
    server = await startAccountsNats(version, { tls });
    [m1, m2, evaluator, operator] = (await Promise.all(
      ["m1", "m2", "evaluator", "operator"].map((user) => server.open(user)),
    )) as [JetStreamBackplane, JetStreamBackplane, JetStreamBackplane, JetStreamBackplane];
    root = await server.raw("operator");
    first = await m1.registry.publish(draft({ component: "m1" }), bytes, null);
    await m2.registry.publish(draft({ component: "m2" }), model(2, 1_000), null);
  });
  afterAll(() => server.stop());

  /** Everything that an attack could change. */
  const state = async (): Promise<unknown> => {
    const ask = async (verb: string) => (await root.request(`$JS.API.${verb}`, "")).json<Record<string, unknown>>();
    const streams = await Promise.all(STREAMS.map((stream) => ask(`STREAM.INFO.${stream}`)));
    const { num_pending, num_ack_pending, ack_floor } = await ask(`CONSUMER.INFO.uncouple-demo-snapshots.evaluator`);
    return {
      streams: streams.map(({ config, state: now }) => ({ config, now })),
      num_pending,
      num_ack_pending,
      ack_floor,
    };
  };
  const attack = async (client: NatsClient, attacks: readonly Attack[]): Promise<void> => {
    const before = await state();
    const send = ({ subject, payload, headers = {}, reply }: Attack) => {
      const head = natsHeaders();
      for (const [key, value] of Object.entries(headers)) head.set(key, value);
      const data = typeof payload === "string" ? payload : JSON.stringify(payload);
      client.publish(subject, data, { headers: head, ...(reply !== undefined && { reply }) });
    };
    for (const one of attacks) send(one);
    await client.flush();
    await systemClock.sleep(300);
    if (JSON.stringify(await state()) === JSON.stringify(before)) return;
    // One of them succeeded: which one?
    for (const one of attacks) {
      const last = JSON.stringify(await state());
      send(one);
      await client.flush();
      await systemClock.sleep(100);
      expect(JSON.stringify(await state()), one.what).toBe(last);
    }
    expect(await state()).toEqual(before);
  };

  test("a team can do its whole job", async () => {
    expect(Buffer.compare(await m2.registry.bytes(first), bytes)).toBe(0);
    await m2.retention.pin("run-1", { m1: 1 }, "m2");
    expect((await operator.retention.state()).pinned).toMatchObject([{ component: "m1", serial: 1 }]);
    await m2.retention.release("run-1");
    const change = await m1.registry.setAlias("m1", "champion", 1, null, "m1");
    expect(change.serial).toBe(1);
    expect(await m2.registry.aliases("m1")).toEqual({ champion: 1 });
    for (const name of ["m2.state-abc", "train"]) {
      const lease = await m2.leases.acquire(name, "m2", AbortSignal.timeout(5_000));
      await lease.release();
    }
    expect((await m2.pipelines.current())?.value.pipeline).toBe("demo");
    const seen = m2.registry.watch(0, AbortSignal.timeout(10_000))[Symbol.asyncIterator]();
    for (const component of ["m1", "m2"]) expect((await seen.next()).value.manifest.component).toBe(component);
    const second = await m1.registry.publish(draft({ component: "m1" }), model(3, 2_000), 1);
    expect((await seen.next()).value.manifest).toEqual(second);
  });

  test("an evaluator can do its whole job", async () => {
    const verdicts = m1.verdicts.watch(0, AbortSignal.timeout(10_000))[Symbol.asyncIterator]();
    const next = verdicts.next();
    const judged: string[] = [];
    for await (const item of evaluator.workQueue("evaluator").items(AbortSignal.timeout(20_000))) {
      const { component, serial } = item.announcement.manifest;
      expect((await evaluator.registry.bytes(item.announcement.manifest)).length).toBeGreaterThan(0);
      await evaluator.verdicts.append(verdict(component, serial));
      await item.done();
      judged.push(`${component}@${serial}`);
      if (judged.length === 3) break;
    }
    expect(judged).toEqual(["m1@1", "m2@1", "m1@2"]);
    expect((await next).value.value).toMatchObject({ component: "m1", serial: 1 });
    expect(await evaluator.quarantines.append(quarantine("m1", 2))).toBe(true);
    expect(await evaluator.workQueue("evaluator").pending()).toBe(0);
    const lease = await evaluator.leases.acquire("judging-1", "e", AbortSignal.timeout(5_000));
    await lease.release();
    expect((await evaluator.usage()).models.used).toBeGreaterThan(bytes.length);
  });

  test("evaluators and operators write the ledger, all read it, and a follower reports what it serves", async () => {
    const follower = await server.open("serving");
    const watched = take(m2.ledger.watch(0, AbortSignal.timeout(10_000)), 7);
    await evaluator.retention.pin("release-1", { m1: 1 });
    const decided = await evaluator.ledger.append(decision({ m1: 1 }, { release: 0 }), 0);
    await evaluator.ledger.append(release(1, { cause: { type: "decision", position: decided ?? 0 } }), 0);
    await evaluator.retention.release("release-1");
    expect((await follower.ledger.release())?.value).toMatchObject({ number: 1, composition: { m1: 1 } });
    expect(Buffer.compare(await follower.registry.bytes(first), bytes)).toBe(0);
    await follower.ledger.append(served("serving", 1));
    await evaluator.ledger.append(candidateRun());
    await evaluator.ledger.append(delivered("b".repeat(64), 0));
    await operator.ledger.append(order("hold", [{ component: "m1", serial: 1 }]));
    await operator.ledger.append(release(2, { cause: { type: "person", by: "ann", reason: null } }));
    expect((await watched).map(({ value }) => value.entry)).toEqual([
      "decision",
      "release",
      "served",
      "candidate-run",
      "delivered",
      "order",
      "release",
    ]);
    for (const [who, entry, right] of [
      [m1, release(3), "write releases: the NATS server at"],
      [m1, order("hold", []), "write orders to gates"],
      [evaluator, order("hold", []), "write orders to gates"],
      [operator, decision({ m1: 2 }), "write decisions of gates"],
      [operator, candidateRun({ attempt: 2 }), "request runs on candidates"],
      [operator, delivered("b".repeat(64), 1), "note what webhooks were told"],
      [follower, served("other", 1), "report what is served"],
      [follower, release(3), "write releases"],
    ] as const) {
      await expect(who.ledger.append(entry)).rejects.toMatchObject({
        code: "failed-precondition",
        message: expect.stringContaining(`this key lacks the right to ${right}`),
      });
    }
  });

  test("a follower's key is all that it takes to bring a release to a server", async () => {
    const backplane = await server.open("serving");
    const dir = await mkdtemp(join(tmpdir(), "uncouple-served-"));
    const failed: unknown[] = [];
    const following = await createFollower({
      ...{ backplane, dir, folders: await openReleaseFolders(dir), clock: systemClock, name: "serving", keep: 1 },
      reload: async () => {},
      onInstalled: () => {},
      onServed: () => {},
      onError: (step, error) => void failed.push({ step, error }),
    });
    expect([await following.advance(AbortSignal.timeout(10_000)), failed]).toEqual(["done", []]);
    expect(following.served()).toBe(2);
    await rm(dir, { recursive: true });
  });

  test("an attacker with a follower's key changes nothing", async () => {
    await attack(await server.raw("serving"), followerAttacks);
  });

  test("an attacker with a team's key changes nothing", async () => {
    // Something that rollups could delete.
    const lease = await m1.leases.acquire("m1.state-1", "m1", AbortSignal.timeout(5_000));
    const held = await m2.leases.acquire("m2.state-1", "m2", AbortSignal.timeout(5_000));
    await Promise.all([lease.release(), held.release()]);
    await attack(await server.raw("m2"), teamAttacks);
    expect(Buffer.compare(await m2.registry.bytes(first), bytes)).toBe(0);
  });

  test("an attacker with an evaluator's key changes no announcement, alias, pipeline or stream", async () => {
    await attack(await server.raw("evaluator"), evaluatorAttacks);
  });

  test("an operator's key neither announces nor judges nor deletes streams", async () => {
    await attack(await server.raw("operator"), operatorAttacks);
  });

  test("a team cannot hear what others receive", async () => {
    const client = await server.raw("m3");
    const heard: string[] = [];
    for (const subject of ["_INBOX.>", ">", "$JS.>", "$O.>"]) {
      client.subscribe(subject, { callback: (error, message) => error === null && heard.push(message.subject) });
    }
    await client.flush();
    await m1.registry.bytes(first);
    await m1.registry.publish(draft({ component: "m1" }), model(4, 700_000), "any");
    await systemClock.sleep(200);
    expect(heard).toEqual([]);
  });

  test("operators and evaluators delete old models", async () => {
    const later = await m1.registry.publish(draft({ component: "m1" }), model(5, 3_000), "any");
    for (let serial = 3; serial <= later.serial; serial++) await evaluator.verdicts.append(verdict("m1", serial));
    const collect = (backplane: JetStreamBackplane, keep: number) =>
      withPipelineView({ backplane, clock: systemClock }, AbortSignal.timeout(20_000), (view, signal) =>
        collectGarbage(
          { pipeline: "demo", policy: { keep, champions: 1 }, by: "test", backplane, view, clock: systemClock },
          signal,
        ),
      );
    const deleted = [...(await collect(operator, 2)).deleted, ...(await collect(evaluator, 1)).deleted];
    expect(deleted.length).toBeGreaterThan(0);
    await expect(m2.registry.bytes({ ...later, serial: deleted[0]?.serial ?? 0 })).rejects.toMatchObject({
      code: "deleted",
    });
  });

  test("the operator's key makes a backup, and only the restorer's key restores it", async () => {
    const command = (user: string, ...args: readonly string[]) =>
      cli(
        [
          ...[...args, "--nats", server.url, "--nats-nkey", server.keyFile(user)],
          ...(tls ? ["--nats-ca", join(TLS, "ca.pem")] : []),
        ],
        { cwd: server.dir },
      );
    const snapshots = await m1.registry.list();
    const verdicts = await m1.verdicts.list();
    expect(await command("m1", "backup", "m1.tar", "--pipeline", "demo")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("may not read everything; use the operator's key"),
    });
    expect(await command("operator", "backup", "demo.tar", "--pipeline", "demo")).toMatchObject({ code: 0 });
    for (const user of ["m1", "evaluator", "operator"]) {
      const before = await state();
      expect(await command(user, "restore", "demo.tar", "--force")).toEqual({
        code: 5,
        stdout: "",
        stderr: `uncouple: the account at ${server.url} may not replace a store; use the key of the user restorer\n`,
      });
      expect(await state()).toEqual(before);
    }
    expect(await command("restorer", "restore", "demo.tar", "--force")).toMatchObject({ code: 0 });
    await expect(m1.registry.list()).rejects.toMatchObject({ code: "data-loss" });
    await Promise.all([m1, m2, evaluator, operator].map((one) => one.close()));
    [m1, m2, evaluator, operator] = (await Promise.all(
      ["m1", "m2", "evaluator", "operator"].map((user) => server.open(user)),
    )) as [JetStreamBackplane, JetStreamBackplane, JetStreamBackplane, JetStreamBackplane];
    expect(await m1.registry.list()).toEqual(snapshots);
    expect(await m1.verdicts.list()).toEqual(verdicts);
    const next = await m1.registry.publish(draft({ component: "m1" }), model(8, 3_000), "any");
    expect(next.serial).toBe(snapshots.filter(({ component }) => component === "m1").length + 1);
    expect(await evaluator.workQueue("evaluator").pending()).toBeGreaterThan(0);
  });

  test("with the accounts of a version before the ledger, each key is told which right it lacks", async () => {
    await server.edit((accounts) =>
      accounts
        .split("\n")
        .filter((line) => !/uncouple[.-]demo[.-]releases/.test(line))
        .join("\n"),
    );
    for (const [user, api] of [
      ["m1", "$JS.hub.API"],
      ["evaluator", "$JS.hub.API"],
      ["operator", "$JS.API"],
    ] as const) {
      await expect(server.open(user)).rejects.toMatchObject({
        code: "failed-precondition",
        message: `this key lacks the right to read the pipeline's streams: the NATS server at ${server.url} does not permit ${api}.STREAM.INFO.uncouple-demo-releases; use the key of another role, or write the accounts again with \`uncouple scaffold nats --force\` (docs/security.md)`,
      });
      const reader = await server.open(user, { create: false });
      expect((await reader.registry.list()).length).toBeGreaterThan(0);
      await expect(reader.ledger.release()).rejects.toMatchObject({
        code: "failed-precondition",
        message: expect.stringContaining("lacks the right to read the pipeline's streams"),
      });
      await expect(take(reader.ledger.watch(0, AbortSignal.timeout(5_000)), 1)).rejects.toMatchObject({
        code: "failed-precondition",
      });
    }
    await server.reload();
    expect((await (await server.open("m1")).ledger.release())?.value.number).toBe(2);
  });

  test("no key, a wrong key and a key of a team that left are refused at once", async () => {
    const files = tls ? { ca: join(TLS, "ca.pem") } : {};
    await expect(server.open("m2", { files })).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("requires credentials; use --nats-creds"),
    });
    const key = server.keyFile("m3");
    expect((await server.open("m3")).connection()).toBe("connected");
    await server.reload("--teams", "m1", "m2");
    await expect(server.open("m3")).rejects.toMatchObject({
      code: "unauthenticated",
      message: `the NATS server at ${server.url} refuses --nats-nkey ${key}`,
    });
    await server.reload("--teams", "m1", "m2", "growth=m3");
    const growth = await server.open("growth");
    expect(await growth.registry.publish(draft({ component: "m3" }), model(6), null)).toMatchObject({ serial: 1 });
    // The others noticed nothing.
    expect(await m1.registry.publish(draft({ component: "m1" }), model(7), "any")).toMatchObject({ component: "m1" });
  });
});
