import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Verdict } from "../../services/pipeline/verdict.ts";
import { eventually, inPod, report } from "./kubectl.ts";

/** A team that publishes for as long as there is load. */
export interface Publisher {
  readonly namespace: string;
  readonly component: string;
}

/** What happened in the registry, by the clocks of the services: milliseconds since the Unix epoch. */
interface Happened {
  readonly component: string;
  readonly serial: number;
  readonly runId: string;
  readonly publishedAt: number;
  /** Undefined before the verdict. */
  readonly judgedAt: number | undefined;
}

/** Starts runs for half a minute, one after the other, and prints the ID of each that the trainer accepts. */
const START_RUNS = `
const { readFileSync: read } = await import("node:fs");
const { setTimeout: sleep } = await import("node:timers/promises");
const { systemClock: clock } = await import("/app/dist/services/common/clock/system-clock.js");
const { connectTrainer } = await import("/app/dist/services/rpc/client/trainer-client.js");
const file = (name) => read(process.env["UNCOUPLE_TLS_" + name]);
const tls = { ca: file("CA"), certificate: file("CERT"), key: file("KEY") };
const trainer = connectTrainer("localhost:50051", { clock, tls });
for (const end = Date.now() + 30_000; Date.now() < end; await sleep(300)) {
  const { id } = await trainer.startRun({});
  console.log(id);
  for await (const _ of trainer.watchRun(id));
}
trainer.close();`;

interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Load {
  /** Runs `disturb` and keeps its name and time for `end`. */
  during(name: string, disturb: () => Promise<void>): Promise<void>;
  /** Ends the load. */
  stop(): Promise<void>;
  /**
   * As `stop`, and then checks that every run that a trainer accepted has published, that no serial is missing, and that
   * each snapshot has one verdict. Reports the longest gaps of each phase.
   */
  end(): Promise<void>;
}

/** Starts runs of all teams, one after the other in each, until `end`. */
export function putUnderLoad(publishers: readonly Publisher[]): Load {
  const began = Date.now();
  const phases: Phase[] = [];
  const accepted = new Map(publishers.map(({ component }) => [component, new Set<string>()]));
  let isStopping = false;
  const publishing = publishers.map(async ({ namespace, component }) => {
    while (!isStopping) {
      for (const id of await publishedBy(namespace, component)) accepted.get(component)?.add(id);
      await sleep(200);
    }
  });
  const stop = async () => {
    isStopping = true;
    await Promise.all(publishing);
  };
  return {
    async during(name, disturb) {
      const from = Date.now();
      await disturb();
      phases.push({ name, from, to: Date.now() });
    },
    stop,
    async end() {
      await stop();
      for (const { namespace, component } of publishers) {
        await untilIdle(namespace, component);
        const all = await eventually(`verdicts on all of ${component}`, 180, async () => {
          const found = await happened(component);
          return found.length > 0 && found.every(({ judgedAt }) => judgedAt !== undefined) ? found : undefined;
        });
        assert.deepEqual(
          all.map(({ serial }) => serial),
          all.map((_, index) => index + 1),
          "a serial is missing",
        );
        const published = new Set(all.map(({ runId }) => runId));
        assert.equal(published.size, all.length, "a run has published twice");
        const runs = [...(accepted.get(component) ?? [])];
        assert.deepEqual(
          runs.filter((id) => !published.has(id)),
          [],
          "runs that were accepted have not published",
        );
        report(`${component}: runs accepted`, `${runs.length}; ${all.length} snapshots, each judged once`);
      }
      const all = (await Promise.all(publishers.map(({ component }) => happened(component)))).flat();
      const underLoad = all.filter(({ publishedAt }) => publishedAt >= began);
      for (const phase of phases) reportGaps(phase, underLoad);
    },
  };
}

/** Has a team publish for half a minute. @returns the IDs of the runs that its trainer accepted */
export async function publishedBy(namespace: string, component: string): Promise<readonly string[]> {
  const command = ["node", "--input-type=module", "--eval", START_RUNS];
  const { stdout } = await inPod(namespace, `trainer-${component}-0`, ...command);
  return stdout.split("\n").filter((id) => id !== "");
}

/** Waits until the team's trainer has no run left; it lists the latest of them. */
async function untilIdle(namespace: string, component: string): Promise<void> {
  const command = ["uncouple", "runs", "--trainer", "localhost:50051", "--json"];
  await eventually(`the end of the runs of ${component}`, 300, async () => {
    const { code, stdout } = await inPod(namespace, `trainer-${component}-0`, ...command);
    if (code !== 0) return undefined;
    const runs: readonly { readonly state: string }[] = JSON.parse(stdout);
    return runs.every(({ state }) => state === "succeeded") ? true : undefined;
  });
}

/** A team's snapshots, as the registry lists them, with their entries in the log of verdicts. */
async function happened(component: string): Promise<readonly Happened[]> {
  const list = async (...command: string[]) => {
    const { code, stdout } = await inPod("uncouple", "deployment/evaluator", "uncouple", ...command, "--json");
    return code === 0 ? JSON.parse(stdout) : [];
  };
  const snapshots: readonly { readonly manifest: SnapshotManifest }[] = await list("snapshots", component);
  const verdicts: readonly Verdict[] = await list("verdicts", component, "--evaluator", "localhost:50051");
  const judgedAt = new Map(verdicts.map(({ serial, judgedAt }) => [serial, Date.parse(judgedAt)]));
  assert.equal(judgedAt.size, verdicts.length, "a snapshot was judged twice");
  return snapshots.map(({ manifest: { serial, runId, publishedAt } }) => ({
    component,
    serial,
    runId,
    publishedAt: Date.parse(publishedAt),
    judgedAt: judgedAt.get(serial),
  }));
}

/** The longest time without a snapshot of each team, and without a verdict. */
function reportGaps({ name, from, to }: Phase, all: readonly Happened[]): void {
  const of = (times: readonly number[]) => `${longestGap(times, from, to).toFixed(1)} s`;
  const components = [...new Set(all.map(({ component }) => component))];
  const gaps = [
    ...components.map((component) => {
      const times = all.filter((one) => one.component === component).map(({ publishedAt }) => publishedAt);
      return `${component} ${of(times)}`;
    }),
    `verdicts ${of(all.flatMap(({ judgedAt }) => judgedAt ?? []))}`,
  ];
  report(`longest gap, ${name}`, `${gaps.join(", ")} (of ${((to - from) / 1000).toFixed(0)} s)`);
}

/** @returns seconds; gaps that began before the phase or end after it count in full */
function longestGap(times: readonly number[], from: number, to: number): number {
  const sorted = [...times].sort((one, other) => one - other);
  const gaps = sorted.slice(1).map((time, index) => ({ began: sorted[index] ?? time, ended: time }));
  const within = gaps.filter(({ began, ended }) => ended >= from && began <= to);
  return Math.max(0, ...within.map(({ began, ended }) => ended - began)) / 1000;
}
