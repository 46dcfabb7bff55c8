import { afterEach, beforeEach, expect, test } from "vitest";
import { trackJudgments } from "../../../../services/evaluator/tracking/track-judgments.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { draft, model, quarantine, verdict } from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";
import { type FakeMlflow, openFakeMlflow } from "../../../helpers/mlflow/fake-server.ts";
import { trackInProcess } from "../../../helpers/mlflow/track-in-process.ts";

let server: FakeMlflow;
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  server = await openFakeMlflow();
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await server.close();
});

const { signal } = new AbortController();

function store() {
  const tracking = trackInProcess(server.url);
  const backplane = createMemoryBackplane("ads", { clock: tracking.clock });
  let serial = 0;
  return {
    ...tracking,
    backplane,
    /** Publishes the next snapshot of m1. @param by whether its trainer logs the run; or another pipeline has made it */
    async publish(by: "tracked" | "untracked" | "linked" = "tracked"): Promise<number> {
      serial += 1;
      const runId = `r${serial}`;
      const mine = { pipeline: "ads", component: "m1", runId };
      if (by === "linked") {
        const origin = { pipeline: "other", component: "c", serial: 1 };
        await backplane.registry.link(
          draft({ ...mine, provenance: { origin } }),
          { digest: "0".repeat(64), size: 1 },
          "any",
        );
      } else {
        await backplane.registry.publish(draft(mine), model(serial), "any");
      }
      if (by === "tracked") {
        await tracking.log.begin({ id: runId, name: runId, startedAt: 0, tags: {}, params: {} }, signal);
      }
      return serial;
    },
    /** Starts an evaluator's part. @returns stops it */
    start(evaluator = "e1", of: Backplane = backplane) {
      const over = new AbortController();
      const dropped: string[] = [];
      const deps = { evaluator, pipeline: "ads", backplane: of, client: tracking.client, clock: tracking.clock };
      const running = trackJudgments(
        { ...deps, onDropped: () => dropped.push(evaluator), log: silentLog },
        over.signal,
      );
      const stop = async () => {
        over.abort();
        await running;
      };
      stops.push(stop);
      return { stop, dropped };
    },
  };
}
const tagsOf = (serial: number) => server.runs.find(({ tags }) => tags["uncouple.run"] === `r${serial}`)?.tags ?? {};
const positions = () => [server.experiment["uncouple.verdicts"], server.experiment["uncouple.quarantines"]];

test("verdicts and quarantines are on the runs of their snapshots", async () => {
  const { backplane, publish, start, until } = store();
  start();
  await until(() => expect(positions()).toEqual(["0", "0"]));
  const judged = await publish();
  const refused = await publish();
  await backplane.verdicts.append(
    verdict("m1", judged, { kind: "improved", componentLoss: { current: 1, candidate: 0.5 } }),
  );
  await backplane.quarantines.append(quarantine("m1", refused, { detail: "3 of 100 rows are NaN" }));
  await until(() => expect(positions()).toEqual(["1", "1"]));
  expect(tagsOf(judged)).toMatchObject({ "uncouple.verdict": "improved", "uncouple.verdict.evaluator": "evaluator-1" });
  expect(tagsOf(judged)).not.toHaveProperty("uncouple.quarantine");
  expect(server.runs[0]?.points).toEqual([
    ["verdict.component_loss", 0, 0.5],
    ["verdict.component_loss_current", 0, 1],
  ]);
  expect(tagsOf(refused)).toMatchObject({
    "uncouple.quarantine": "true",
    "uncouple.quarantine.reason": "not-finite",
    "uncouple.quarantine.detail": "3 of 100 rows are NaN",
    "uncouple.quarantine.evaluator": "evaluator-1",
    "uncouple.quarantine.judged_at": "2026-01-01T00:02:00.000Z",
  });
  expect(tagsOf(refused)).not.toHaveProperty("uncouple.verdict");
});

test("judgments of an outage, and of a time without an evaluator, are logged once", async () => {
  const { backplane, publish, start, until } = store();
  const first = start();
  await until(() => expect(positions()).toEqual(["0", "0"]));
  const serials = [await publish(), await publish(), await publish()];
  server.disturb = (path) => (path.includes("log-batch") ? "lost" : undefined);
  await backplane.quarantines.append(quarantine("m1", serials[0] ?? 0));
  await until(() => expect(tagsOf(1)).toHaveProperty("uncouple.quarantine"));
  await first.stop();
  expect(positions()).toEqual(["0", "0"]);
  server.disturb = () => undefined;
  await backplane.quarantines.append(quarantine("m1", serials[1] ?? 0));
  await backplane.verdicts.append(verdict("m1", serials[2] ?? 0));
  const before = server.taken.length;
  start("e2");
  await until(() => expect(positions()).toEqual(["1", "2"]));
  expect(tagsOf(2)).toHaveProperty("uncouple.quarantine");
  expect(tagsOf(3)).toHaveProperty("uncouple.verdict", "inconclusive");
  const again = server.taken
    .slice(before)
    .filter(({ url, body }) => url.endsWith("log-batch") && body.includes("run1"));
  expect(again).toEqual([]);
});

test("one of several evaluators logs; the next takes over", async () => {
  const { backplane, publish, start, until } = store();
  const first = start("e1");
  await until(() => expect(positions()).toEqual(["0", "0"]));
  start("e2");
  await backplane.verdicts.append(verdict("m1", await publish()));
  await until(() => expect(positions()).toEqual(["1", "0"]));
  expect(await backplane.leases.holder("tracking")).toBe("e1");
  await first.stop();
  await backplane.verdicts.append(verdict("m1", await publish()));
  await until(() => expect(positions()).toEqual(["2", "0"]));
  expect(await backplane.leases.holder("tracking")).toBe("e2");
  expect(server.taken.filter(({ body }) => body.includes('"uncouple.verdict"'))).toHaveLength(2);
});

test("a snapshot without a run at the server is left out after a minute, one of another pipeline at once", async () => {
  const { backplane, publish, start, until, clock } = store();
  const { dropped } = start();
  await until(() => expect(positions()).toEqual(["0", "0"]));
  await backplane.quarantines.append(quarantine("m1", await publish("linked")));
  const began = clock.elapsed();
  await until(() => expect(positions()).toEqual(["0", "1"]));
  expect(clock.elapsed() - began).toBeLessThan(30_000);
  await backplane.quarantines.append(quarantine("m1", await publish("untracked")));
  await until(() => expect(positions()).toEqual(["0", "2"]));
  expect(clock.elapsed() - began).toBeGreaterThan(60_000);
  expect(dropped).toEqual([]);
});

test("a judgment that the server refuses three times is dropped, and the next is logged", async () => {
  const { backplane, publish, start, until } = store();
  const { dropped } = start();
  await until(() => expect(positions()).toEqual(["0", "0"]));
  server.disturb = (path, body) =>
    path.endsWith("log-batch") && body.includes('"run1"') ? { status: 400 } : undefined;
  await backplane.quarantines.append(quarantine("m1", await publish()));
  await backplane.quarantines.append(quarantine("m1", await publish()));
  await until(() => expect(positions()).toEqual(["0", "2"]));
  expect(dropped).toEqual(["e1"]);
  expect(tagsOf(1)).not.toHaveProperty("uncouple.quarantine");
  expect(tagsOf(2)).toHaveProperty("uncouple.quarantine");
});

test("an experiment of a store that was replaced gets the judgments from then on", async () => {
  const { backplane, publish, start, until } = store();
  await backplane.verdicts.append(verdict("m1", await publish()));
  server.experiment["uncouple.verdicts"] = "700";
  start();
  await until(() => expect(positions()).toEqual(["1", "0"]));
  await backplane.verdicts.append(verdict("m1", await publish()));
  await until(() => expect(positions()).toEqual(["2", "0"]));
  expect(tagsOf(1)).not.toHaveProperty("uncouple.verdict");
  expect(tagsOf(2)).toHaveProperty("uncouple.verdict");
});

test("more judgments than are logged at a time are all logged, though the server refuses to keep the position", async () => {
  const { backplane, publish, start, until, clock } = store();
  start();
  await until(() => expect(positions()).toEqual(["0", "0"]));
  server.disturb = (path) => (path.endsWith("set-experiment-tag") ? { status: 400 } : undefined);
  for (let count = 1; count <= 40; count++) await backplane.quarantines.append(quarantine("m1", await publish()));
  await until(() => expect(tagsOf(40)).toHaveProperty("uncouple.quarantine"));
  // Long enough to give the position up, and nothing else comes that would be a reason to keep it.
  const then = clock.elapsed();
  await until(() => expect(clock.elapsed() - then).toBeGreaterThan(4_000));
  expect(positions()).toEqual(["0", "0"]);
  server.disturb = () => undefined;
  await until(() => expect(positions()).toEqual(["0", "40"]));
  expect(server.runs.filter(({ tags }) => tags["uncouple.quarantine"] === "true")).toHaveLength(40);
});
