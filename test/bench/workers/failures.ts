import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createLocalRunner } from "../../../services/learning/units/local-runner.ts";
import { openLink } from "../../helpers/cuttable-link.ts";
import type { CliProcess } from "../../helpers/spawn-cli.ts";
import { type RepeatableTraining, repeatableTraining } from "../../helpers/unit-training.ts";
import { type Fleet, isProbe, openFleet } from "../../helpers/worker-fleet.ts";
import { atMost, type Row } from "./row.ts";

/** The same bits with any number of workers. */
export async function sameDigests(): Promise<readonly Row[]> {
  const training = await repeatableTraining({
    widths: [10, 64, 64, 3],
    batch: 256,
    steps: 800,
    plan: { slots: 4, syncEvery: 80 },
  });
  const oracle = await training.run(createLocalRunner(systemClock));
  const fleet = await openFleet();
  const equal: number[] = [];
  try {
    let started = 0;
    for (const count of [0, 1, 2, 5]) {
      while (started < count) fleet.start(`w${started++}`);
      await fleet.present(count);
      equal.push((await training.run(fleet.coordinator, { audit: 0.05 })) === oracle ? 1 : 0);
    }
    const byWorkers = fleet.ran.filter(({ by }) => by === "worker").length;
    const same = equal.filter((one) => one === 1).length;
    return [
      {
        what: "same SHA-256 with {0, 1, 2, 5} workers",
        goal: "4 of 4",
        measured: `${same} of 4, ${byWorkers} units by workers`,
        met: same === 4 && byWorkers > 0,
        values: equal,
      },
    ];
  } finally {
    await fleet.close();
  }
}

/** From a fault of a worker until another one has its unit. */
export async function leasedAgain(): Promise<readonly Row[]> {
  // The trainer takes one of the units before a worker is admitted.
  const plan = { slots: 2, syncEvery: 6_000 };
  const training = await repeatableTraining({ widths: [10, 256, 256, 3], batch: 256, steps: plan.syncEvery, plan });
  const fleet = await openFleet({}, { cpus: 1 });
  try {
    const kill = async (worker: CliProcess) => void worker.child.kill("SIGKILL");
    const killed: number[] = [];
    for (let i = 0; i < 5; i++) killed.push(await oneFault(fleet, training, kill));
    const stop = async (worker: CliProcess) => void worker.child.kill("SIGSTOP");
    const stopped = [await oneFault(fleet, training, stop), await oneFault(fleet, training, stop)];
    const link = await openLink(fleet.port);
    const freeze = async () => link.freeze();
    const cut = [await oneFault(fleet, training, freeze, link.port)];
    await link.close();
    return [
      atMost("SIGKILL: leased again", 100, "ms", killed, 0),
      atMost("SIGSTOP: leased again", 6, "s", inSeconds(stopped)),
      atMost("cut without a word: leased again", 6, "s", inSeconds(cut)),
    ];
  } finally {
    await fleet.close();
  }
}

let names = 0;

/** Lets a fault hit the worker of a unit while another one waits. @returns milliseconds until that one has the unit */
async function oneFault(
  fleet: Fleet,
  training: RepeatableTraining,
  fault: (worker: CliProcess) => Promise<void>,
  port = fleet.port,
): Promise<number> {
  const over = new AbortController();
  const unitOf = (name: string) => fleet.next((event) => (isUnitOf(event, name) ? event : undefined));
  const [hitName, otherName] = [`hit${++names}`, `other${names}`];
  const before = fleet.coordinator.metrics().present;
  const hit = fleet.start(hitName, { port });
  await fleet.present(before + 1);
  const leased = unitOf(hitName);
  const run = training.run(fleet.coordinator, {}, { signal: over.signal }).catch(() => {});
  await leased;
  const other = fleet.start(otherName);
  await fleet.next((event) => (event.type === "submitted" && event.name === otherName ? event : undefined));
  await systemClock.sleep(100);
  const again = unitOf(otherName);
  const at = performance.now();
  await fault(hit);
  const taken = (await again).at - at;
  over.abort();
  await run;
  for (const { child, ended } of [hit, other]) {
    child.kill("SIGKILL");
    await ended;
  }
  await fleet.present(before);
  return taken;
}

function isUnitOf(event: Parameters<Parameters<Fleet["next"]>[0]>[0], name: string): boolean {
  return event.type === "leased" && event.name === name && !isProbe(event.lease);
}

/** From the start of a process to its first accepted unit, while a training is in progress. */
export async function firstUnit(): Promise<readonly Row[]> {
  const training = await repeatableTraining({
    widths: [10, 64, 64, 3],
    batch: 256,
    steps: 100_000,
    plan: { slots: 8, syncEvery: 100 },
  });
  const seconds: number[] = [];
  for (let i = 0; i < 4; i++) {
    const fleet = await openFleet({}, { cpus: 1 });
    const over = new AbortController();
    const run = training.run(fleet.coordinator, {}, { signal: over.signal }).catch(() => {});
    await systemClock.sleep(500);
    const accepted = fleet.next((event) =>
      event.type === "submitted" && event.fate === "applied" && !isProbe(event.result) ? event : undefined,
    );
    const at = performance.now();
    fleet.start("first");
    seconds.push(((await accepted).at - at) / 1000);
    over.abort();
    await run;
    await fleet.close();
  }
  return [atMost("process start to first accepted unit", 2, "s", seconds)];
}

function inSeconds(milliseconds: readonly number[]): readonly number[] {
  return milliseconds.map((ms) => ms / 1000);
}
