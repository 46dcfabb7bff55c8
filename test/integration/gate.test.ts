import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Provenance } from "../../services/pipeline/manifest.ts";
import {
  type CandidateRun,
  type Decision,
  type LedgerEntry,
  movesName,
  type Release,
} from "../../services/pipeline/release.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { oracleOf, readingScaledZ, scaled, spoilt } from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";

let nats: TestNats;
let world: EvaluatorWorld;
beforeEach(async () => {
  nats = await startTestNats();
  world = await openEvaluatorWorld(nats.url, "gated", 20_000, "gate: { mode: enforce, bootstrap: newest }\n");
});
afterEach(async () => {
  await world.close();
  await nats.stop();
});

const coTraining: Provenance = { gating: { sets: true, cotrain: true } };

/** Waits for the first entry of the ledger that fits. */
async function entry<E extends LedgerEntry>(fits: (entry: LedgerEntry) => entry is E): Promise<E> {
  const leaving = new AbortController();
  try {
    for await (const { value } of world.backplane.ledger.watch(0, leaving.signal)) if (fits(value)) return value;
  } finally {
    leaving.abort();
  }
  throw new Error("the ledger ends");
}

const decision = (name: string) =>
  entry((one): one is Decision => one.entry === "decision" && movesName(one.moves) === name);
const release = (number: number) => entry((one): one is Release => one.entry === "release" && one.number === number);

test("a self-defeating update waits until its consumer is retrained on it, and the pair is released as one", async () => {
  const [m1, m2] = [oracleOf("m1"), oracleOf("m2")];
  const evaluator = await world.evaluator();
  const client = connectEvaluator(`127.0.0.1:${evaluator.grpcPort}`, { clock: systemClock });
  // m1@1 predicts half of z, and m2@1 has learned to double it, nearly.
  await world.publish("m1", scaled(m1, 0.5));
  await world.publish("m2", spoilt(readingScaledZ(m2, 0.5), 0.05), { provenance: coTraining });
  expect((await release(2)).composition).toEqual({ m1: 1, m2: 1 });

  await world.publish("m1", m1);
  expect(await decision("m1@2")).toMatchObject({ decision: "held", needs: ["m2"], release: 2 });
  const request = await entry((one): one is CandidateRun => one.entry === "candidate-run");
  expect(request).toMatchObject({ id: "m1@2:m2:1", state: "requested", upstream: { m1: 2 }, release: 2 });
  await expect
    .poll(async () => (await client.status()).gate?.held)
    .toMatchObject([{ snapshot: { component: "m1", serial: 2 }, reasons: ["worse", "needs"], needs: ["m2"] }]);

  const answer = { ...coTraining, candidateRun: "m1@2:m2:1", upstream: { m1: 2 } };
  await world.publish("m2", m2, { provenance: answer });
  const third = await release(3);
  expect(third).toMatchObject({ composition: { m1: 2, m2: 2 }, previous: 2, kind: "promote" });
  const promoted = await decision("m1@2,m2@2");
  expect(promoted).toMatchObject({ decision: "promoted", release: 2, asked: { part: "confirm", question: 1 } });
  await expect
    .poll(() => client.status())
    .toMatchObject({ release: 3, current: { m1: 2, m2: 2 }, gate: { held: [], questionsLeft: 199 } });
  client.close();
});
