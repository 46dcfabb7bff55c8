import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createEvaluatorMetrics } from "../../../services/evaluator/evaluator-metrics.ts";
import { watchStores } from "../../../services/evaluator/store-watch.ts";
import { createQuestionCount } from "../../../services/pipeline/questions.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { recordingLog } from "../../helpers/log.ts";

test("a store is warned about once whenever it crosses 80 %, and measured every minute", async () => {
  const clock = createVirtualClock();
  const { log, records } = recordingLog();
  const page = createMetrics({ service: "evaluator", version: "0" });
  const metrics = createEvaluatorMetrics(page, ["u"], {
    clock,
    questions: createQuestionCount(),
    horizon: undefined,
    pending: async () => 0,
    cachedBytes: () => ({ outputs: 0, models: 0 }),
    publishedAt: () => undefined,
    gaps: async () => undefined,
  });
  let used = 799;
  let copiesBehind = 0;
  let always: boolean | undefined;
  const usage = async () => ({
    models: { used, limit: 1000 },
    logs: { verdicts: { used: 7, limit: null } },
    server: { used: 5000, limit: null },
    copiesBehind,
  });
  const leaving = new AbortController();
  const reportFailure = (_: string, error: Error) => expect.fail(error.message);
  const watching = watchStores(
    { backplane: { usage }, syncsAlways: async () => always, metrics, reportFailure, clock, log },
    leaving.signal,
  );
  const after = async (bytes: number) => {
    used = bytes;
    await clock.advance(60_000);
    return records.filter(({ level }) => level === "warn").length;
  };
  expect(await after(799)).toBe(0);
  expect(await after(800)).toBe(1);
  expect(await after(950)).toBe(1);
  expect(await after(500)).toBe(1);
  expect(await after(900)).toBe(2);
  expect(records.at(-1)).toMatchObject({
    store: "models",
    used: 900,
    limit: 1000,
    message: expect.stringContaining("the model store fills up: 90 % of 0.0 MB are used; raise --max-store-bytes"),
  });
  const text = await page.text();
  expect(text).toMatch(/uncouple_store_bytes\{store="models",.*\} 900/);
  expect(text).toMatch(/uncouple_store_limit_bytes\{store="models",.*\} 1000/);
  expect(text).toMatch(/uncouple_store_bytes\{store="server",.*\} 5000/);
  expect(text).not.toMatch(/uncouple_store_limit_bytes\{store="server"/);
  expect(text).toMatch(/uncouple_store_bytes\{store="verdicts",.*\} 7/);
  expect(text).toMatch(/uncouple_store_copies_behind\{.*\} 0/);
  expect(text).not.toMatch(/uncouple_store_syncs_always\{/);
  [copiesBehind, always] = [2, false];
  await after(900);
  expect(await page.text()).toMatch(/uncouple_store_copies_behind\{.*\} 2/);
  expect(await page.text()).toMatch(/uncouple_store_syncs_always\{.*\} 0/);
  leaving.abort();
  await watching;
});
