import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { UnitResult } from "../../services/learning/units/unit.ts";
import { openLink } from "../helpers/cuttable-link.ts";
import { type FakeCoordinator, type FakeCoordinatorOptions, fakeCoordinator } from "../helpers/fake-coordinator.ts";
import { runTestWorker } from "../helpers/run-test-worker.ts";
import { serveCoordinator } from "../helpers/serve-coordinator.ts";
import { runHere, type ShippedJob, tinyJob } from "../helpers/tiny-job.ts";

const soon = { timeout: 15_000, interval: 10 };
/** Computes for half a second or more. */
const LONG = { slot: 0, first: 0, count: 150_000 };
const SHORT = { slot: 1, first: 10, count: 3 };

let small: ShippedJob;
let smallEnd: UnitResult;
/** With a state of more than 2 MB: five chunks. */
let large: ShippedJob;
let largeEnd: UnitResult;

beforeAll(async () => {
  small = await tinyJob({ steps: LONG.count });
  smallEnd = await runHere(small, LONG, small.initial);
  large = await tinyJob({ widths: [100, 1000, 100], rows: 20 });
  largeEnd = await runHere(large, SHORT, large.initial);
  expect(large.initial.bytes.byteLength).toBeGreaterThan(4 * 512 * 1024);
});

/** A coordinator, and a worker that reaches it through a link with faults. */
async function start(options: FakeCoordinatorOptions = {}, prepare: (fake: FakeCoordinator) => void = () => {}) {
  const fake = fakeCoordinator({ silenceMs: 400, pollMs: 60_000, ...options });
  prepare(fake);
  const { port } = await serveCoordinator(fake);
  const link = await openLink(port);
  onTestFinished(() => link.close());
  const worker = await runTestWorker(link.port);
  await vi.waitFor(() => expect(fake.present()).toBe(1), soon);
  return { fake, link, worker };
}

const size = (job: ShippedJob) => [...job.blobs, job.initial].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);

/** Waits until the first lease has everything that it needs, and computes. */
async function computing(fake: FakeCoordinator, job: ShippedJob): Promise<void> {
  await vi.waitFor(() => expect(fake.leases[0]?.work.at(-1) ?? 0).toBeGreaterThan(size(job)), soon);
}

test.each(["cut", "freeze"] as const)(
  "a result outlives a connection that ends by %s, with one line in the log",
  async (how) => {
    const { fake, link, worker } = await start();
    const offered = fake.offer(small, LONG);
    await computing(fake, small);
    link[how]();
    await vi.waitFor(() => expect(worker.warnings()).toHaveLength(1), soon);
    // An attempt to join fails, or hangs.
    await vi.waitFor(() => expect(link.connections()).toBeGreaterThan(2), soon);
    link.mend();
    const { bytes, result } = await offered;
    expect(smallEnd.state.bytes).toEqual(new Uint8Array(bytes));
    expect(result).toMatchObject({ lease: "l1", outcome: { digest: smallEnd.state.digest, losses: smallEnd.losses } });
    expect(worker.warnings()).toEqual([
      expect.stringMatching(/^not connected to the trainer: .*; trying again until it answers$/),
    ]);
  },
);

test("a fetch that is cut is begun again with the unit", async () => {
  const { fake, link } = await start();
  link.cutAfter(size(large) / 2);
  const { result } = await fake.offer(large, SHORT);
  expect(result.outcome).toMatchObject({ digest: largeEnd.state.digest });
  expect(fake.leases.map(({ id }) => id)).toEqual(["l1", "l2"]);
  expect(fake.fates).toEqual([{ lease: "l2", fate: "applied" }]);
});

test("a submission that is cut in a chunk is repeated with the same bytes", async () => {
  const { fake, link } = await start({}, (one) => {
    const { submit } = one;
    let first = true;
    one.submit = (result, bytes) => {
      // Its first bytes have arrived.
      if (first) link.cutAfter(2 * 512 * 1024);
      first = false;
      return submit(result, bytes);
    };
  });
  const { bytes, result } = await fake.offer(large, SHORT);
  expect(bytes.equals(largeEnd.state.bytes)).toBe(true);
  expect(result.lease).toBe("l1");
  // The coordinator gave the unit to the new worker as well; it counts once.
  await vi.waitFor(() => expect(fake.joins.length).toBe(2), soon);
  expect(fake.fates.filter(({ fate }) => fate === "applied")).toHaveLength(1);
});

test("a submission whose answer is lost is repeated, and is a duplicate", async () => {
  const { fake, link } = await start({}, (one) => {
    const { submit } = one;
    one.submit = async (...submission) => {
      const answer = await submit(...submission);
      if (answer.fate === "applied") link.loseAnswers();
      return answer;
    };
  });
  await fake.offer(small, LONG);
  await vi.waitFor(() => expect(fake.present()).toBe(0), soon);
  link.mend();
  await vi.waitFor(
    () =>
      expect(fake.fates).toEqual([
        { lease: "l1", fate: "applied" },
        { lease: "l1", fate: "duplicate" },
      ]),
    soon,
  );
});

test("beats go on beside a transfer that fills the link, and show that it moves on", async () => {
  const { fake, link, worker } = await start({ silenceMs: 1_000 });
  link.throttle(4 * 2 ** 20);
  const { bytes } = await fake.offer(large, SHORT);
  expect(bytes.equals(largeEnd.state.bytes)).toBe(true);
  expect(fake.joins).toHaveLength(1);
  expect(worker.warnings()).toEqual([]);
  const [{ work } = { work: [] }] = fake.leases;
  // Fetching and submitting take a second and a half; a beat is due every 50 ms.
  expect(new Set(work).size).toBeGreaterThan(5);
});

test("a coordinator that takes no beats is left, and asked again", async () => {
  const fake = fakeCoordinator({ silenceMs: 100 });
  fake.beat = async function* (_beats, signal) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield* [];
  };
  const { port } = await serveCoordinator(fake);
  const worker = await runTestWorker(port);
  await vi.waitFor(() => expect(fake.joins.length).toBeGreaterThan(2), soon);
  expect(worker.warnings()).toEqual([
    expect.stringMatching(/^not connected to the trainer: no answer to beats from 127.0.0.1:\d+ for \d+ ms; trying/),
  ]);
});
