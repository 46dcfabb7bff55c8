import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { StormResults } from "../../services/cli/demo/storm.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

test("M1 trains with workers that are killed and stopped while M2 trains and publishes: both snapshots have the undisturbed bits", async () => {
  await natsServerBinary();
  const out = await mkdtemp(join(tmpdir(), "uncouple-storm-"));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const demo = spawnCli(["demo", "--workers", "3", "--storm", "--json", "--out", out], {
    env: { NATS_URL: "" },
  });
  expect(`${await demo.ended}`).toBe("0");
  const { outcomes, kills, stops, units } = JSON.parse(demo.stdout()) as StormResults;
  expect(outcomes.map(({ component, equal }) => [component, equal])).toEqual([
    ["m1", true],
    ["m2", true],
  ]);
  for (const { undisturbed, storm } of outcomes) {
    expect(storm.digest).toBe(undisturbed.digest);
    expect(storm.snapshot).not.toBe(undisturbed.snapshot);
  }
  expect(kills + stops).toBeGreaterThan(0);
  expect(units.applied).toBeGreaterThan(0);
});
