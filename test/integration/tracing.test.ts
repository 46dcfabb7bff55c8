import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type RunningEvaluator, runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { formatTraceparent, parseTraceparent } from "../../services/runtime/tracing/traceparent.ts";
import { createTracer } from "../../services/runtime/tracing/tracer.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { recordingExporter } from "../helpers/recording-exporter.ts";
import { endOf, openTrainerWorld, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let evaluator: RunningEvaluator;
const { spans, exporter } = recordingExporter();
const tracer = createTracer(systemClock, exporter);

beforeAll(async () => {
  nats = await startTestNats();
  world = await openTrainerWorld(nats.url, "traced", { judged: false });
  evaluator = await runEvaluator(
    { pipelineFile: world.pipelineFile, name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    {
      hosts: testHosts,
      connect: ({ name }) => connectJetStream({ clock: systemClock, url: nats.url, pipeline: name, name: "e1" }),
      clock: systemClock,
      log: silentLog,
      tracer,
    },
  );
});
afterAll(async () => {
  await evaluator.stop();
  await world.close();
  await nats.stop();
});

test("one trace leads from the request of a run to its verdict, through gRPC, run.json and NATS", async () => {
  const m1 = await world.trainer("m1", { tracer });
  const asked = tracer.start("uncouple train", { kind: "client" });
  const { traceparent = "" } = asked;
  await endOf(m1.client, (await m1.client.startRun({ traceparent })).id);
  asked.end();
  while (!spans.some(({ name }) => name === "judge")) await sleep(20);
  const byName = new Map(spans.map((span) => [span.name, span]));
  const parentOf = (name: string) => spans.find(({ context }) => context.spanId === byName.get(name)?.parent?.spanId);
  expect([...byName.keys()].sort()).toEqual(["judge", "publish", "run", "train", "uncouple train"]);
  expect(new Set(spans.map(({ context }) => context.traceId))).toEqual(
    new Set([parseTraceparent(traceparent)?.traceId]),
  );
  expect(parentOf("run")?.name).toBe("uncouple train");
  expect(parentOf("train")?.name).toBe("run");
  expect(parentOf("publish")?.name).toBe("run");
  expect(parentOf("judge")?.name).toBe("publish");
  expect(byName.get("run")?.attributes).toMatchObject({ "uncouple.component": "m1", "uncouple.snapshot": "m1@1" });
  expect(byName.get("judge")?.attributes).toMatchObject({ "uncouple.snapshot": "m1@1", "uncouple.outcome": "verdict" });

  const raw = await connectRaw(nats.url);
  const header = async (kind: string) => {
    const { header: headers } = await raw.jsm.streams.getMessage(`uncouple-traced-${kind}`, { seq: 1 });
    return headers.get("traceparent");
  };
  const contextOf = (name: string) => formatTraceparent(byName.get(name)?.context as never);
  expect(await header("snapshots")).toBe(contextOf("publish"));
  expect(await header("verdicts")).toBe(contextOf("judge"));
  await raw.close();
});

test("a run without a trace starts none in a trainer without tracing, and the evaluator judges it in its own", async () => {
  const m2 = await world.trainer("m2");
  const before = spans.length;
  await endOf(m2.client, (await m2.client.startRun({ traceparent: "nonsense" })).id);
  while (spans.length === before) await sleep(20);
  expect(spans.slice(before)).toMatchObject([{ name: "judge", parent: undefined, error: undefined }]);
});
