import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { openTracking } from "../../../services/tracking/open-tracking.ts";
import { silentLog } from "../../helpers/log.ts";
import { type FakeMlflow, openFakeMlflow } from "../../helpers/mlflow/fake-server.ts";

let server: FakeMlflow;
beforeEach(async () => {
  server = await openFakeMlflow();
});
afterEach(() => server.close());

test("metrics tell what waits and what was dropped; a close ends both", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics({ service: "trainer", version: "1" });
  const tracking = openTracking({ url: server.url, authorization: undefined }, "ads", {
    clock,
    log: silentLog,
    metrics,
  });
  expect(await metrics.text()).toMatch(/^uncouple_tracking_waiting(\{.*\})? 0$/m);
  tracking?.queue.add("a run", async (signal) => {
    await tracking.log.begin({ id: "r1", name: "m1 r1", startedAt: 0, tags: {}, params: {} }, signal);
  });
  expect(await metrics.text()).toMatch(/^uncouple_tracking_waiting(\{.*\})? 1$/m);
  await tracking?.queue.close();
  await vi.waitFor(() => expect(server.runs.map(({ name }) => name)).toEqual(["m1 r1"]));
  tracking?.queue.add("another", async () => {});
  expect(await metrics.text()).toMatch(/^uncouple_tracking_waiting(\{.*\})? 0$/m);
  expect(await metrics.text()).toMatch(/^uncouple_tracking_dropped_total(\{.*\})? 1$/m);
});

test("without a server there are metrics, and nothing to log with", async () => {
  const metrics = createMetrics({ service: "trainer", version: "1" });
  expect(openTracking(undefined, "ads", { clock: createVirtualClock(), log: silentLog, metrics })).toBeUndefined();
  expect(await metrics.text()).toMatch(/^uncouple_tracking_waiting(\{.*\})? 0$/m);
  expect(await metrics.text()).toMatch(/^uncouple_tracking_dropped_total(\{.*\})? 0$/m);
});
