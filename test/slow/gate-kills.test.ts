import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Decision, Release } from "../../services/pipeline/release.ts";
import { collect } from "../../services/registry/logged.ts";
import { oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";

/** Each kill costs the ten seconds that a lease outlives its holder. */
const KILLS = 6;

let nats: TestNats;
let world: EvaluatorWorld;
let dir: string;
let running: CliProcess | undefined;
beforeEach(async () => {
  nats = await startTestNats();
  dir = await mkdtemp(join(tmpdir(), "uncouple-gate-kills-"));
  world = await openEvaluatorWorld(nats.url, "kills", 20_000, "gate: { mode: enforce, bootstrap: newest }\n");
});
afterEach(async () => {
  running?.child.kill("SIGKILL");
  await running?.ended;
  await world.close();
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

function startEvaluator(name: string): CliProcess {
  const where = ["--pipeline", world.pipelineFile, "--nats", nats.url, "--port", "0", "--metrics-port", "0"];
  return spawnCli(["evaluator", "--name", name, ...where], { cwd: dir });
}

/** Waits for the first entry from a position on that fits. @returns its position */
async function waitFor(from: number, fits: (entry: Decision | Release) => boolean): Promise<number> {
  const leaving = new AbortController();
  try {
    for await (const { position, value } of world.backplane.ledger.watch(from, leaving.signal)) {
      if ((value.entry === "decision" || value.entry === "release") && fits(value)) return position;
    }
  } finally {
    leaving.abort();
  }
  throw new Error("the ledger ends");
}

test("evaluators that are killed at a promotion leave one release for each, whichever of both was written", async () => {
  const m1 = oracleOf("m1");
  await world.publish("m2", oracleOf("m2"));
  await world.publish("m1", spoilt(m1, 0.5));
  running = startEvaluator("e0");
  let seen = await waitFor(0, (entry) => entry.entry === "release" && entry.number === 2);
  let interrupted = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await world.publish("m1", spoilt(m1, 0.5 * 0.7 ** kill));
    seen = await waitFor(seen + 1, (entry) => entry.entry === "decision" && entry.decision === "promoted");
    running.child.kill("SIGKILL");
    await running.ended;
    if ((await world.backplane.ledger.release())?.value.number === kill + 1) interrupted += 1;
    running = startEvaluator(`e${kill}`);
    await waitFor(0, (entry) => entry.entry === "release" && entry.number === kill + 2);
  }
  const entries = await collect(world.backplane.ledger.read(0));
  const releases = entries.filter((entry): entry is Release => entry.entry === "release");
  expect(releases.map(({ number, composition }) => [number, composition.m1])).toEqual(
    Array.from({ length: KILLS + 2 }, (_, index) => [index + 1, index === 0 ? undefined : index]),
  );
  const carriedOut = releases.flatMap(({ cause }) => (cause.type === "decision" ? [cause.position] : []));
  expect(new Set(carriedOut).size).toBe(KILLS);
  const decided = entries.filter((entry) => entry.entry === "decision" && entry.decision === "promoted");
  expect(decided).toHaveLength(KILLS);
  console.log(`${interrupted} of ${KILLS} kills came between the decision and the release`);
});
