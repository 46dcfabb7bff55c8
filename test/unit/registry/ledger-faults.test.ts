import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { faultyBackplane, seededRandom } from "../../helpers/faulty-backplane.ts";
import { checkReadings, promote, readLedger } from "../../helpers/release-schedules.ts";
import { take } from "../../helpers/take.ts";

/** 40 schedules unless told otherwise: `npm run test:faults` runs 1,000. */
const schedules = Number(process.env.FAULT_SCHEDULES ?? 40);
const RATE = 0.2;
const RELEASES = 10;
/** Of virtual time: far longer than any schedule takes. */
const LIMIT_MS = 24 * 3_600_000;

/** Three promoters and three readers, each over a bad network of its own. Everything follows from the seed. */
async function run(seed: number): Promise<void> {
  const clock = createVirtualClock();
  const backplane = createMemoryBackplane("demo", { clock });
  const client = (index: number) =>
    faultyBackplane(backplane, { random: seededRandom(seed * 100 + index), clock, rate: RATE }).ledger;
  const settings = { pipeline: "demo", seed, clock, releases: RELEASES, pauseMs: 20_000 };
  const leaving = new AbortController();
  const readers = [4, 5, 6].map((index) => readLedger(client(index), settings, leaving.signal));
  let busy = true;
  const promoters = Promise.all(
    [1, 2, 3].map((number) => promote({ ...settings, number, start: async () => client(number) })),
  ).finally(() => {
    busy = false;
  });
  promoters.catch(() => {});
  while (busy) {
    expect(clock.elapsed(), "it does not come to an end").toBeLessThan(LIMIT_MS);
    await clock.next();
  }
  await promoters;
  const entries = await take(backplane.ledger.read(0), await backplane.ledger.end());
  const areBehind = () => readers.some(({ watched }) => watched.length < entries.length);
  while (areBehind() && clock.elapsed() < LIMIT_MS) await clock.next();
  for (const readings of readers) checkReadings(readings, entries);
  expect(areBehind()).toBe(false);
  leaving.abort();
  expect((await backplane.ledger.release())?.value.number).toBeGreaterThanOrEqual(RELEASES);
  await backplane.close();
}

test(`${schedules} schedules of promoters that die, and of lost, delayed and repeated calls, give every reader one sequence of releases`, {
  timeout: schedules * 2_000,
}, async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    const outcome = await run(seed).catch((thrown: unknown) => thrown);
    expect(outcome, `seed ${seed}`).toBeUndefined();
  }
});
