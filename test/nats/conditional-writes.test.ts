import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { draft, model, release, verdict } from "../helpers/drafts.ts";
import { type NatsCluster, startNatsCluster } from "../helpers/nats-cluster.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { take } from "../helpers/take.ts";

const ROUNDS = 20;

let cluster: NatsCluster;
const opened: JetStreamBackplane[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
  await cluster.stop();
});

const connect = async (name: string): Promise<JetStreamBackplane> => {
  const options = { pipeline: "demo", name, clock: systemClock, maxStoreBytes: 64 * 1024 ** 2 };
  const backplane = await connectJetStream({ url: cluster.url, ...options });
  opened.push(backplane);
  return backplane;
};
/** Does something at the same time with each backplane. @returns how many succeeded; the others met a conflict */
const together = async (
  backplanes: readonly JetStreamBackplane[],
  act: (one: JetStreamBackplane) => Promise<unknown>,
) => {
  const outcomes = await Promise.allSettled(backplanes.map(act));
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "conflict" });
  }
  const refused: readonly unknown[] = [false, undefined];
  return outcomes.filter((outcome) => outcome.status === "fulfilled" && !refused.includes(outcome.value)).length;
};

// Version 2.9 stores both of two conditional writes that arrive together, unless their subject is new.
describe.each(await natsVersions())("three nats-servers $version", (version) => {
  test("of writes that arrive together, one succeeds, and every reader sees that one", async () => {
    cluster = await startNatsCluster(version);
    const writers = [await connect("one"), await connect("two")];
    const [one, two] = writers as [JetStreamBackplane, JetStreamBackplane];
    const bytes = model(1, 1_000);
    const released = (by: JetStreamBackplane) => 1 + writers.indexOf(by);
    await one.registry.publish(draft(), bytes, null);
    await one.registry.publish(draft(), bytes, 1);
    await one.registry.setAlias("m1", "champion", 1, null, "test");
    for (let round = 1; round <= ROUNDS; round++) {
      const [from, to] = round % 2 === 1 ? [1, 2] : [2, 1];
      // The same change by two, each of which decides on the same state.
      expect(await together(writers, (by) => by.registry.setAlias("m1", "champion", to, from, "test"))).toBe(1);
      const next = (by: JetStreamBackplane) => release(round, { composition: { m1: released(by) } });
      expect(await together(writers, (by) => by.ledger.append(next(by)))).toBe(1);
      expect(await together(writers, (by) => by.verdicts.append(verdict("m1", 100 + round)))).toBe(1);
      expect(await together(writers, (by) => by.registry.publish(draft(), bytes, round + 1))).toBe(1);
    }
    const reader = await connect("reader");
    for (const backplane of [one, two, reader]) {
      const changes = await backplane.registry.aliasLog("m1");
      expect(changes.map(({ serial }) => serial)).toEqual(changes.map((_, index) => 1 + (index % 2)));
      expect(changes).toHaveLength(ROUNDS + 1);
      const releases = await take(backplane.ledger.read(0), ROUNDS + 1);
      expect(releases).toEqual(await take(one.ledger.read(0), ROUNDS + 1));
      expect(releases).toHaveLength(ROUNDS);
      const serials = (await backplane.registry.list("m1")).map(({ serial }) => serial);
      expect(serials).toEqual(Array.from({ length: ROUNDS + 2 }, (_, index) => index + 1));
    }
    const raw = await connectRaw(cluster.url);
    const aliases = (await raw.count("uncouple-demo-aliases", "uncouple.demo.aliases.>")) - ROUNDS - 1;
    const releases = (await raw.count("uncouple-demo-releases", "uncouple.demo.releases.>")) - ROUNDS;
    await raw.close();
    console.log(
      `nats-server ${version.version} stored ${aliases} alias changes and ${releases} releases that came too late`,
    );
  });
});
