import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { timestamp } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { SnapshotDraft } from "../../services/pipeline/manifest.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { denseBytes } from "../helpers/dense-snapshots.ts";
import { draft } from "../helpers/drafts.ts";
import { freePort } from "../helpers/free-port.ts";
import { alerts, panels, records, rulesFile, selectorsOf } from "../helpers/monitoring.ts";
import { answers, startServer, type TestServer } from "./processes.ts";
import { startWatchedStack, type WatchedStack } from "./stack.ts";

const run = promisify(execFile);
let world: WatchedStack;
let prometheus: TestServer;
let base: string;

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function get<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  const response = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
  const body = (await response.json()) as { status: string; error?: string; data: T };
  if (body.status !== "success") throw new Error(`${path} ${JSON.stringify(parameters)}: ${body.error ?? ""}`);
  return body.data;
}

/** The samples of an expression that are numbers. */
async function query(expr: string): Promise<readonly Sample[]> {
  const { result } = await get<{ result: readonly Sample[] }>("query", { query: expr });
  return result.filter(({ value }) => value[1] !== "NaN");
}

/** Waits up to two minutes until an expression has a series. */
async function series(expr: string): Promise<readonly Sample[]> {
  for (let attempt = 0; ; attempt++) {
    const samples = await query(expr);
    if (samples.length > 0) return samples;
    if (attempt === 240) return [];
    await sleep(500);
  }
}

/** As Grafana does, with everything selected and a short range. */
const substituted = (expr: string) =>
  expr.replaceAll("$pipeline", ".*").replaceAll("$__rate_interval", "1m").replaceAll("$__range", "10m");

beforeAll(async () => {
  world = await startWatchedStack();
  const { dir, stack } = world;
  const tls = join(import.meta.dirname, "../helpers/tls");
  const [port, own] = [await freePort(), await freePort()];
  const secure = world.spawn([
    ...["evaluator", "--pipeline", "pipeline.yaml", "--port", "0", "--metrics-port", String(own)],
    ...["--tls-cert", join(tls, "server.pem"), "--tls-key", join(tls, "server.key")],
    ...["--tls-client-ca", join(tls, "ca.pem")],
  ]);
  await secure.seen(/evaluating pipeline watched/);
  const targets = [...Object.values(stack.metrics).map((url) => new URL(url).host), `127.0.0.1:${own}`];
  await writeFile(join(dir, "rules.yaml"), rulesFile.plain());
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: [{ job_name: "uncouple", honor_labels: true, static_configs: [{ targets }] }],
  };
  await writeFile(join(dir, "prometheus.yaml"), JSON.stringify(config));
  await run("promtool", ["check", "config", join(dir, "prometheus.yaml")]);
  base = `http://127.0.0.1:${port}`;
  const flags = {
    "config.file": join(dir, "prometheus.yaml"),
    "storage.tsdb.path": join(dir, "tsdb"),
    "web.listen-address": `127.0.0.1:${port}`,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  prometheus = await startServer("prometheus", args, () => answers(`${base}/-/ready`));
  // What happens from here on, Prometheus sees as increases.
  expect(await series(`count(up == 1) == ${targets.length}`)).toHaveLength(1);
  await series("uncouple_verdicts_total");
  for (const component of ["m1", "m2", "m1"]) await world.command("train", component, "--follow");
  const backplane = await connectJetStream({
    clock: systemClock,
    url: stack.natsUrl,
    pipeline: "watched",
    name: "intruder",
  });
  const numeric = (name: string, width = 1) => ({ name, kind: "numeric", width }) as const;
  const broken = { inputs: [numeric("x2"), numeric("z")], output: numeric("y", 2) };
  await publish(
    draft({ pipeline: "watched", component: "m2", contract: broken }),
    new TextEncoder().encode("no model"),
  );
  // z in other units: m2 gets most rows wrong, on every device.
  const layers = [{ inputs: 1, outputs: 1, weights: Float32Array.of(-6), bias: Float32Array.of(1) }];
  const harmful = { inputs: [numeric("x1")], output: numeric("z") };
  const bytes = denseBytes({ inputs: [{ name: "x1", width: 1 }], layers }, "z");
  await publish(draft({ pipeline: "watched", component: "m1", contract: harmful }), bytes);
  const { number: release = 0, composition = {} } = (await backplane.ledger.release())?.value ?? {};
  const at = timestamp(systemClock);
  const served = { follower: "edge", release, composition, since: at };
  await backplane.ledger.append({ version: 1, entry: "served", pipeline: "watched", at, ...served });
  await backplane.close();

  async function publish(one: SnapshotDraft, model: Uint8Array): Promise<void> {
    await backplane.registry.publish(one, model, "any");
  }
});
afterAll(async () => {
  await prometheus?.stop();
  await world?.stop();
});

/** A pipeline has these of its only objective, or of several. The stack has one. */
const OF_SEVERAL = "uncouple_objective_loss";
/** A pipeline has these of components of other pipelines. The stack has none; promtool tests the alert, a unit test the metric. */
const OF_OTHERS = "uncouple_shared_component_linked";

test.each(
  panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr }) => (expr.includes(OF_SEVERAL) ? [] : [[title, expr] as const])),
  ),
)("the panel %s has data: %s", async (_, expr) => {
  expect(await series(substituted(expr))).not.toEqual([]);
});

test.each(records.map(({ record, expr }) => [record ?? "", expr] as const))("%s is recorded", async (record, expr) => {
  expect(await series(expr)).not.toEqual([]);
  expect(await series(record)).not.toEqual([]);
});

test.each(alerts.flatMap(({ alert, expr }) => (expr.includes(OF_OTHERS) ? [] : [[alert, expr] as const])))(
  "%s reads series that are there, with those labels",
  async (_, expr) => {
    // The condition itself need not hold.
    await query(expr);
    for (const { text } of selectorsOf(expr)) expect(await series(text), text).not.toEqual([]);
  },
);

test("of a stack with a damaged and a harmful snapshot and without sync, these alerts fire or are pending, and no other", async () => {
  const fire = [
    "UncoupleInterfaceShifted",
    "UncoupleNegativeFlips",
    "UncouplePipelineLossRegressed",
    "UncoupleSliceDegraded",
    "UncoupleSnapshotQuarantined",
  ];
  for (const alert of fire) {
    expect(await series(`ALERTS{alertname="${alert}",alertstate="firing"}`), alert).not.toEqual([]);
  }
  const active = await get<{
    alerts: readonly { labels: { alertname: string }; state: string; annotations: { summary: string } }[];
  }>("alerts");
  const now = Object.fromEntries(active.alerts.map((one) => [one.labels.alertname, one]));
  expect(Object.keys(now).sort()).toEqual([...fire, "UncoupleStoreNotSynced"]);
  expect(now.UncoupleStoreNotSynced?.state).toBe("pending");
  const { summary } = now.UncoupleSnapshotQuarantined?.annotations ?? {};
  expect(summary).toBe("A snapshot of m2 in watched was quarantined (malformed-model)");
  expect(now.UncoupleSliceDegraded?.annotations.summary).toBe(
    "The newest update of m1 made pipeline watched worse on 2 slices",
  );
});

test("Prometheus evaluates every rule without an error", async () => {
  const { groups } = await get<{ groups: { rules: { name: string; health: string; lastError?: string }[] }[] }>(
    "rules",
  );
  const unhealthy = groups.flatMap((group) => group.rules).filter(({ health }) => health !== "ok");
  expect(unhealthy).toEqual([]);
  expect(groups.flatMap((group) => group.rules)).toHaveLength(records.length + alerts.length);
});
