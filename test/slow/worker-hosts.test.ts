import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createLocalRunner } from "../../services/learning/units/local-runner.ts";
import { repeatableTraining } from "../helpers/unit-training.ts";
import { type Fleet, openFleet } from "../helpers/worker-fleet.ts";

/** Hosts of their own as network namespaces on one bridge: `ip` can make them where this process is root on Linux. */
const canMakeHosts =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  spawnSync("ip", ["netns", "add", "unc-try"]).status === 0 &&
  spawnSync("ip", ["netns", "del", "unc-try"]).status === 0;
const HOSTS = ["unc-h1", "unc-h2"];
const BRIDGE = "unc-br";
const ADDRESS = "10.213.7.1";
const ip = (command: string) => execFileSync("ip", command.split(" "));

function removeHosts(): void {
  for (const host of HOSTS) spawnSync("ip", ["netns", "del", host]);
  spawnSync("ip", ["link", "del", BRIDGE]);
}

const workers: ChildProcess[] = [];
let fleet: Fleet;

beforeAll(async () => {
  if (!canMakeHosts) return;
  removeHosts();
  ip(`link add ${BRIDGE} type bridge`);
  ip(`addr add ${ADDRESS}/24 dev ${BRIDGE}`);
  ip(`link set ${BRIDGE} up`);
  for (const [index, host] of HOSTS.entries()) {
    ip(`netns add ${host}`);
    ip(`link add ${host} type veth peer name eth0 netns ${host}`);
    ip(`link set ${host} master ${BRIDGE} up`);
    ip(`-n ${host} addr add 10.213.7.${2 + index}/24 dev eth0`);
    ip(`-n ${host} link set eth0 up`);
  }
  fleet = await openFleet({}, { cpus: 1, host: "0.0.0.0" });
});
afterAll(async () => {
  if (!canMakeHosts) return;
  for (const worker of workers) {
    worker.kill("SIGKILL");
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, "exit");
  }
  await fleet.close();
  removeHosts();
});

test.skipIf(!canMakeHosts)("of three hosts, one is cut off without a word and healed: no bit changes", async () => {
  const plan = { slots: 6, syncEvery: 200 };
  const training = await repeatableTraining({ widths: [10, 64, 64, 3], batch: 256, steps: 2_000, plan });
  const oracle = await training.run(createLocalRunner(systemClock));
  const main = join(import.meta.dirname, "../../dist/services/cli/main.js");
  for (const host of HOSTS) {
    const args = ["worker", "--trainer", `${ADDRESS}:${fleet.port}`, "--name", host, "--threads", "1"];
    workers.push(spawn("ip", ["netns", "exec", host, process.execPath, main, ...args], { stdio: "ignore" }));
  }
  await fleet.present(2);
  const trainUntil = async (done: () => boolean) => {
    for (let last = false; !last; ) {
      last = done();
      expect(await training.run(fleet.coordinator)).toBe(oracle);
    }
  };
  await trainUntil(() => true);
  const leased = fleet.next((event) => (event.type === "leased" && event.name === HOSTS[0] ? event : undefined));
  const running = training.run(fleet.coordinator);
  await leased;
  // No packet passes in either direction, and no connection is closed.
  ip(`link set ${HOSTS[0]} down`);
  const cutAt = systemClock.elapsed();
  expect(await running).toBe(oracle);
  await trainUntil(() => systemClock.elapsed() - cutAt > 8_000);
  expect(fleet.notes).toContainEqual(expect.objectContaining({ kind: "lost", name: HOSTS[0] }));
  expect(fleet.coordinator.metrics().present).toBe(1);
  ip(`link set ${HOSTS[0]} up`);
  await trainUntil(() => fleet.coordinator.metrics().present === 2);
  const before = fleet.ran.length;
  await trainUntil(() => fleet.ran.slice(before).filter(({ by }) => by === "worker").length > 0);
  const { leased: granted, ...fates } = fleet.coordinator.metrics().counters;
  const { applied, duplicate, stale, refused, lost, returned } = fates;
  expect(granted).toBe(applied + duplicate + stale + refused + lost + returned);
});
