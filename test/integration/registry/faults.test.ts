import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { snapshotName } from "../../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { draft, model, verdict } from "../../helpers/drafts.ts";
import { seededRandom } from "../../helpers/faulty-backplane.ts";
import { type Fault, startNatsProxy } from "../../helpers/nats-proxy.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";

/** Two unless told otherwise; `npm run test:faults` runs 25 beside the 1,000 on the memory backplane. */
const schedules = Math.ceil(Number(process.env.FAULT_SCHEDULES ?? 80) / 40);
const RATE = 0.06;
const RUNS = 3;
const LONGEST_DELAY_MS = 300;

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());

/**
 * Two trainers of one component publish and two evaluators append verdicts, each through a proxy of its own that loses,
 * delays and repeats their messages to NATS. The faults follow from the seed, their interleaving does not.
 */
async function run(seed: number): Promise<void> {
  const pipeline = `faults-${seed}`;
  const opened: (() => Promise<void>)[] = [];
  const open = async (url: string): Promise<JetStreamBackplane> => {
    const options = { clock: systemClock, url, pipeline, name: "test", maxStoreBytes: 64 * 1024 ** 2 };
    const backplane = await connectJetStream({ ...options, retryLimitMs: 60_000 });
    opened.unshift(() => backplane.close());
    return backplane;
  };
  const clean = await open(server.url);
  let faults = 0;
  const client = async (index: number): Promise<JetStreamBackplane> => {
    const random = seededRandom(seed * 100 + index);
    let ready = false;
    const choose = (): Fault | undefined => {
      if (!ready || random() >= RATE) return undefined;
      faults += 1;
      const kinds: readonly Fault[] = ["lose", "lose the answer", "repeat", { delayMs: random() * LONGEST_DELAY_MS }];
      return kinds[Math.floor(random() * kinds.length)];
    };
    const proxy = await startNatsProxy(server.url, choose);
    opened.push(() => proxy.close());
    const backplane = await open(proxy.url);
    ready = true;
    return backplane;
  };
  /** The port's promise: after `unavailable`, the same call is safe. */
  const persistently = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call();
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: expect.stringMatching(/^(unavailable|deadline-exceeded)$/) });
      }
    }
  };
  const publisher = async (index: number) => {
    const { registry } = await client(index);
    for (let i = 0; i < RUNS; i++) {
      const runId = `${index}-${i}`;
      const bytes = model(index * RUNS + i, 700_000);
      const published = await persistently(() => registry.publish(draft({ pipeline, runId }), bytes, "any"));
      expect(published.runId).toBe(runId);
    }
  };
  const leaving = new AbortController();
  const evaluator = async (index: number) => {
    const { registry, verdicts } = await client(index);
    for await (const { manifest } of registry.watch(0, leaving.signal)) {
      const made = verdict(manifest.component, manifest.serial, { pipeline, evaluator: `evaluator-${index}` });
      await persistently(() => verdicts.append(made));
    }
  };
  const observed = (async () => {
    const seen: number[] = [];
    for await (const { manifest } of clean.registry.watch(0, leaving.signal)) {
      const [index = 0, i = 0] = manifest.runId.split("-").map(Number);
      const bytes = await clean.registry.bytes(manifest);
      expect(Buffer.compare(bytes, model(index * RUNS + i, 700_000)), snapshotName(manifest)).toBe(0);
      seen.push(manifest.serial);
      if (seen.length === 2 * RUNS) break;
    }
    return seen;
  })();
  const evaluators = [evaluator(2), evaluator(3)];
  await Promise.all([publisher(0), publisher(1)]);
  const serials = Array.from({ length: 2 * RUNS }, (_, index) => index + 1);
  expect(await observed).toEqual(serials);
  while ((await clean.verdicts.list()).length < serials.length) await systemClock.sleep(20);
  leaving.abort();
  await Promise.all(evaluators);
  const listed = await clean.registry.list("m1");
  expect(listed.map(({ serial }) => serial)).toEqual(serials);
  expect(new Set(listed.map(({ runId }) => runId)).size).toBe(serials.length);
  const judged = (await clean.verdicts.list()).map(({ serial }) => serial);
  expect(judged.toSorted((a, b) => a - b)).toEqual(serials);
  expect(faults).toBeGreaterThan(0);
  for (const close of opened) await close();
}

test(`${schedules} schedules of lost, delayed and repeated messages break no promise of the registry`, {
  timeout: schedules * 120_000,
}, async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    const outcome = await run(seed).catch((thrown: unknown) => thrown);
    expect(outcome, `seed ${seed}`).toBeUndefined();
  }
});
