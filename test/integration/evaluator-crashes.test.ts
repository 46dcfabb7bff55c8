import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Verdict } from "../../services/pipeline/verdict.ts";
import { denseBytes, oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";

const root = join(import.meta.dirname, "../..");
const rows = 20_000;

let nats: TestNats;
let world: EvaluatorWorld;
let children: Service[];
beforeEach(async () => {
  nats = await startTestNats();
  world = await openEvaluatorWorld(nats.url, "demo", rows);
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.end("SIGKILL")));
  await world.close();
  await nats.stop();
});

interface Service {
  readonly httpPort: number;
  output(): string;
  /** Sends a signal and waits for the exit. @returns the exit code; null after a kill */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

async function startService(name: string): Promise<Service> {
  const args = ["dist/services/cli/main.js", "evaluator", "--name", name];
  const where = ["--pipeline", world.pipelineFile, "--nats", nats.url, "--port", "0", "--metrics-port", "0"];
  const child: ChildProcess = spawn(process.execPath, [...args, ...where], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let output = "";
  const httpPort = await new Promise<number>((resolve, reject) => {
    child.stdout?.on("data", (bytes: Buffer) => {
      output += bytes.toString();
      const found = /"http":"[^"]*:(\d+)"/.exec(output);
      if (found) resolve(Number(found[1]));
    });
    exited.then(() => reject(new Error(`exited before it was serving:\n${output}`)), reject);
  });
  const service: Service = {
    httpPort,
    output: () => output,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
  children.push(service);
  return service;
}

/** Waits until the log has more than `count` verdicts. */
async function moreVerdicts(count: number): Promise<number> {
  for (;;) {
    const { length } = await world.backplane.verdicts.list();
    if (length > count) return length;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const m1 = oracleOf("m1");
const bytes = [0.5, 0.3, 0.1, 0.2].map((noise, seed) => denseBytes(spoilt(m1, noise, seed), "z"));

/** Publishes one snapshot of m2 and `count` of m1. */
async function publishMany(count: number): Promise<void> {
  await world.publish("m2", oracleOf("m2"));
  for (let i = 0; i < count; i++) await world.publish("m1", bytes[i % bytes.length] as Uint8Array);
}

const names = (verdicts: readonly Verdict[]) =>
  verdicts.map(({ component, serial }) => `${component}@${serial}`).sort();
const expectedNames = (count: number) =>
  ["m2@1", ...Array.from({ length: count }, (_, index) => `m1@${index + 1}`)].sort();

describe("crashes", () => {
  test("an evaluator that is killed repeatedly while judging judges every announcement exactly once", async () => {
    await publishMany(16);
    let judged = 0;
    for (let life = 1; life <= 2; life++) {
      const service = await startService(`life-${life}`);
      judged = await moreVerdicts(judged);
      await service.end("SIGKILL");
    }
    await startService("last");
    const { verdicts, quarantines } = await world.settled(17);
    expect(names(verdicts)).toEqual(expectedNames(16));
    expect(quarantines).toEqual([]);
    expect(new Set(verdicts.map(({ evaluator }) => evaluator)).size).toBeGreaterThan(1);
    // Judged late by a different process, but against what was current when it was announced.
    for (const { serial, component, comparison } of verdicts) {
      if (component === "m1" && serial > 1) expect(comparison?.current).toEqual({ m1: serial - 1, m2: 1 });
    }
  });

  test("the surviving evaluator takes over the announcements of a killed one", async () => {
    await publishMany(12);
    const [first] = await Promise.all([startService("first"), startService("second")]);
    await moreVerdicts(1);
    await first.end("SIGKILL");
    const { verdicts } = await world.settled(13);
    expect(names(verdicts)).toEqual(expectedNames(12));
  });

  test("a NATS server that is killed and restarted neither loses nor repeats a verdict", async () => {
    const service = await startService("e1");
    await publishMany(8);
    await moreVerdicts(1);
    await nats.kill();
    await expect.poll(async () => (await readiness(service)).status, { timeout: 20_000 }).toBe(503);
    expect((await readiness(service)).text).toMatch(/nats: reconnecting/);
    await nats.restart();
    await expect.poll(async () => (await readiness(service)).status, { timeout: 20_000 }).toBe(200);
    const { verdicts, quarantines } = await world.settled(9);
    expect(names(verdicts)).toEqual(expectedNames(8));
    expect(quarantines).toEqual([]);
    expect(await service.end("SIGTERM")).toBe(0);
  });

  test("SIGTERM finishes the current announcement, leaves the rest, and exits with 0", async () => {
    await publishMany(8);
    const service = await startService("e1");
    await moreVerdicts(1);
    expect(await service.end("SIGTERM")).toBe(0);
    expect(service.output()).toContain("stopped");
    const before = await world.backplane.verdicts.list();
    await startService("e2");
    const { verdicts } = await world.settled(9);
    expect(names(verdicts)).toEqual(expectedNames(8));
    expect(verdicts.slice(0, before.length)).toEqual(before);
  });
});

async function readiness({ httpPort }: Service): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  return { status: response.status, text: await response.text() };
}
