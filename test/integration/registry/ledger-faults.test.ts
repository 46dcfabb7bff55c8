import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { seededRandom } from "../../helpers/faulty-backplane.ts";
import { type Fault, startNatsProxy } from "../../helpers/nats-proxy.ts";
import { startTestNats } from "../../helpers/nats-server.ts";
import { checkReadings, promote, readLedger } from "../../helpers/release-schedules.ts";
import { take } from "../../helpers/take.ts";

/** One unless told otherwise; `npm run test:faults` runs 25 beside the 1,000 on the memory backplane. */
const schedules = Math.ceil(Number(process.env.FAULT_SCHEDULES ?? 40) / 40);
const RATE = 0.05;
const LONGEST_DELAY_MS = 100;
const RELEASES = 12;
const KILLS = 2;

/**
 * Three promoters that die and connect again, and two readers, each through a proxy of its own that loses, delays and repeats
 * its messages to NATS, while the server is killed and started again. The faults follow from the seed, their interleaving
 * does not.
 */
async function run(seed: number): Promise<void> {
  const server = await startTestNats();
  const pipeline = "demo";
  const opened: JetStreamBackplane[] = [];
  const proxies: (() => Promise<void>)[] = [];
  let faults = 0;
  const open = async (url: string): Promise<JetStreamBackplane> => {
    const options = { clock: systemClock, url, pipeline, name: "test", maxStoreBytes: 64 * 1024 ** 2 };
    const backplane = await connectJetStream({ ...options, retryLimitMs: 2_000 });
    opened.push(backplane);
    return backplane;
  };
  const proxyOf = async (index: number): Promise<string> => {
    const random = seededRandom(seed * 100 + index);
    const proxy = await startNatsProxy(server.url, (subject): Fault | undefined => {
      if (!/releases/.test(subject) || random() >= RATE) return undefined;
      faults += 1;
      const kinds: readonly Fault[] = ["lose", "lose the answer", "repeat", { delayMs: random() * LONGEST_DELAY_MS }];
      return kinds[Math.floor(random() * kinds.length)];
    });
    proxies.push(() => proxy.close());
    return proxy.url;
  };
  const clean = await open(server.url);
  const settings = { pipeline, seed, clock: systemClock, releases: RELEASES, pauseMs: 200 };
  const leaving = new AbortController();
  const readers = await Promise.all(
    [server.url, await proxyOf(4)].map(async (url) => readLedger((await open(url)).ledger, settings, leaving.signal)),
  );
  const promoters = [1, 2, 3].map(async (number) => {
    const url = await proxyOf(number);
    let process: JetStreamBackplane | undefined;
    const start = async () => {
      await process?.close();
      process = await open(url);
      return process.ledger;
    };
    await promote({ ...settings, number, start });
  });
  let busy = true;
  const done = Promise.all(promoters).finally(() => {
    busy = false;
  });
  done.catch(() => {});
  const random = seededRandom(seed);
  for (let kill = 0; busy && kill < KILLS; kill++) {
    await systemClock.sleep(200 + random() * 1_000);
    await server.kill();
    await server.restart();
  }
  await done;
  const entries = await take(clean.ledger.read(0), await clean.ledger.end());
  const { number } = (await clean.ledger.release())?.value ?? {};
  while (readers.some(({ watched }) => watched.length < entries.length)) await systemClock.sleep(20);
  leaving.abort();
  await Promise.all(readers.map(({ ended }) => ended));
  for (const readings of readers) checkReadings(readings, entries);
  expect(number).toBeGreaterThanOrEqual(RELEASES);
  expect(faults).toBeGreaterThan(0);
  await Promise.all(opened.map((backplane) => backplane.close()));
  for (const close of proxies) await close();
  await server.stop();
}

test(`${schedules} schedules of lost, delayed and repeated messages, and of a server that is killed, give every reader one sequence of releases`, {
  timeout: schedules * 120_000,
}, async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    const outcome = await run(seed).catch((thrown: unknown) => thrown);
    expect(outcome, `seed ${seed}`).toBeUndefined();
  }
});
