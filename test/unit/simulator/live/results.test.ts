import { expect, test } from "vitest";
import type { Run } from "../../../../services/pipeline/run.ts";
import { liveReport } from "../../../../services/simulator/live/live-report.ts";
import { type LiveRecord, liveResults } from "../../../../services/simulator/live/live-results.ts";
import { smallScenario } from "../../../helpers/scenarios.ts";

const START = Date.parse("2026-01-01T00:00:00.000Z");
const time = (seconds: number) => new Date(START + 1000 * seconds).toISOString();

/** A run of m1 that was asked for at a second, and took one. */
const run = (id: number, asked: number, state: Run["state"] = "succeeded"): Run => ({
  id: `run-${id}`,
  component: "m1",
  state,
  trigger: "request",
  protocol: { name: "async", parameters: {} },
  step: 60,
  steps: 60,
  loss: null,
  learningRate: null,
  stepsPerSecond: null,
  etaSeconds: null,
  upstream: {},
  snapshot: null,
  waitingFor: null,
  error: state === "failed" ? { code: "unavailable", message: "the store is away" } : null,
  warnings: [],
  queuedAt: time(asked),
  startedAt: time(asked),
  finishedAt: time(asked + 1),
});

/** 20 runs, one every 3 s, whose snapshots are judged 0.1, 0.2, ... 2 s after they were announced. */
function record(change: Partial<LiveRecord> = {}): LiveRecord {
  const serials = Array.from({ length: 20 }, (_, i) => i + 1);
  const entry = (serial: number, at: number) => ({
    position: serial,
    component: "m1",
    serial,
    isReadable: true,
    at: time(at),
  });
  return {
    scenario: smallScenario(),
    policy: "async",
    tickSeconds: 10,
    isInterrupted: false,
    isDrained: true,
    readyAt: time(0),
    seconds: { start: 5, first: 0, drive: 60, drain: 2 },
    wishes: { due: 20, served: 20 },
    asked: serials.map((serial) => ({ component: "m1", cause: "wish", run: run(serial, 3 * serial - 3) })),
    listed: [run(20, 57)],
    logs: {
      announcements: serials.map((serial) => ({ ...entry(serial, 3 * serial - 2.5), runId: `run-${serial}` })),
      verdicts: serials.map((serial) => entry(serial, 3 * serial - 2.5 + serial / 10)),
      quarantines: [],
    },
    kinds: { improved: 20 },
    memory: [
      { process: "trainer m1", samples: [[0, 100] as const, [30, 120] as const, [60, 120] as const] },
      { process: "trainer m2", samples: [[0, 50] as const, [30, 50] as const, [60, 50] as const] },
    ],
    restarts: {},
    ...change,
  };
}

test("latencies are by the times of announcements, verdicts and runs", () => {
  const results = liveResults(record());
  expect(results).toMatchObject({ sound: true, findings: [], snapshots: 20, verdicts: 20 });
  expect(results.publishToVerdict.count).toBe(20);
  expect(results.publishToVerdict.p50).toBeCloseTo(1.05, 9);
  expect(results.publishToVerdict.max).toBeCloseTo(2, 9);
  expect(results.startToPublished).toMatchObject({ count: 20, p50: 0.5, max: 0.5 });
});

test("throughput is by the minute, and its parts add up", () => {
  const { throughput, interval } = liveResults(record());
  expect(interval).toBe(2);
  const sum = (pick: (part: (typeof throughput)[number]) => number) =>
    throughput.reduce((total, part) => total + (pick(part) * interval) / 60, 0);
  expect(sum(({ runs }) => runs)).toBeCloseTo(20, 9);
  expect(sum(({ snapshots }) => snapshots)).toBeCloseTo(20, 9);
  expect(sum(({ verdicts }) => verdicts)).toBeCloseTo(20, 9);
});

test("a lost verdict, and services that did not finish, are not sound", () => {
  const { logs } = record();
  const lost = liveResults(record({ logs: { ...logs, verdicts: logs.verdicts.slice(1) } }));
  expect(lost).toMatchObject({ sound: false, findings: [{ kind: "lost", what: "verdict", of: "m1@1" }] });
  expect(liveResults(record({ isDrained: false })).sound).toBe(false);
});

test("runs count once, with why they failed; what trainers list but nobody asked for counts, too", () => {
  const { asked } = record();
  const refusal = { code: "unavailable", message: "the store is away" } as const;
  const { runs } = liveResults(
    record({
      asked: [
        ...asked,
        { component: "m1", cause: "wish", run: run(21, 60, "failed") },
        { component: "m1", cause: "wish", run: run(22, 60, "running") },
        { component: "m1", cause: "wish", run: undefined, refusal },
      ],
      listed: [run(20, 57), run(22, 60, "cancelled"), run(23, 60, "failed")],
    }),
  );
  expect(runs).toEqual({
    succeeded: 20,
    failed: 2,
    cancelled: 1,
    unfinished: 0,
    refused: 1,
    causes: [{ ...refusal, times: 3 }],
  });
});

test("the page shows what was found, and is complete without scripts", async () => {
  const { logs, scenario } = record();
  const results = liveResults(
    record({ logs: { ...logs, verdicts: logs.verdicts.slice(1) }, restarts: { evaluator: 2 } }),
  );
  const page = await liveReport(results, scenario, "uncouple test.");
  expect(page).toContain("1 thing was lost, doubled or stray.");
  expect(page).toMatch(/<td>verdict<\/td><td>lost<\/td><td>m1@1<\/td>/);
  expect(page).toContain("Restarted: evaluator 2 times.");
  expect(page.match(/<svg /g)?.length).toBe(3);
  expect(page).not.toContain("<script");
});
