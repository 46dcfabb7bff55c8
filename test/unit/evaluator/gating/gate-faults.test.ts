import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";
import type { Decision, LedgerEntry } from "../../../../services/pipeline/release.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { collect } from "../../../../services/registry/logged.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { draft, model, quarantine, verdict } from "../../../helpers/drafts.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { runPlantedGate } from "../../../helpers/planted-gates.ts";

const pipeline = { ...twoComponents, gate: { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" } as const };
/** The loss of each snapshot of u with any d. */
const losses: Readonly<Record<number, number>> = { 1: 1, 2: 0.5, 3: 0.9, 4: 1, 5: 1, 6: 1 };

let clock: VirtualClock;
let backplane: Backplane;
let leaving: AbortController;
/** Called before each measurement of a composition; may throw. */
let interfere: (composition: Composition) => void | Promise<void>;
let reported: string[];

beforeEach(async () => {
  clock = createVirtualClock();
  backplane = createMemoryBackplane("demo", { clock });
  leaving = new AbortController();
  interfere = () => {};
  reported = [];
  const lossOf = async (composition: Composition) => {
    await interfere(composition);
    return losses[composition.u as number] as number;
  };
  const onFailure = (message: string) => void reported.push(message);
  void runPlantedGate({ name: "e1", pipeline, backplane, clock, lossOf, onFailure }, leaving.signal);
  await publish("u");
  await publish("d");
  expect(await inUse()).toEqual({ u: 1, d: 1 });
});
afterEach(async () => {
  leaving.abort();
  await backplane.close();
});

/** Publishes a snapshot with a verdict, and lets the gate decide. */
async function publish(component: "u" | "d"): Promise<void> {
  const { serial } = await backplane.registry.publish(draft({ component }), model(1), "any");
  await backplane.verdicts.append(verdict(component, serial));
  await pass(0);
}

/** Lets time pass, and what is computed meanwhile end. */
async function pass(seconds: number): Promise<void> {
  await clock.advance(1000 * seconds);
  for (let turn = 0; turn < 50; turn++) await clock.advance(1);
}

const inUse = async () => (await backplane.ledger.release())?.value.composition;

const entries = (): Promise<readonly LedgerEntry[]> => collect(backplane.ledger.read(0));

const decisions = async () => (await entries()).filter((entry): entry is Decision => entry.entry === "decision");

test("a candidate that cannot be composed is quarantined, and the gate goes on", async () => {
  interfere = (composition) => {
    const broken = { component: "u", serial: 2 };
    if (composition.u === 2) throw new SnapshotFault(broken, "digest-mismatch", "its bytes are others");
  };
  await publish("u");
  expect((await backplane.quarantines.get("u", 2))?.reason).toBe("digest-mismatch");
  expect(await decisions()).toEqual([]);
  await publish("u");
  expect(await inUse()).toEqual({ u: 3, d: 1 });
});

test("an infrastructure failure postpones a decision, and blames nobody", async () => {
  interfere = (composition) => {
    if (composition.u === 2) throw new UncoupleError("unavailable", "the store is away");
  };
  await publish("u");
  await pass(10);
  expect(await decisions()).toEqual([]);
  expect(await backplane.quarantines.list()).toEqual([]);
  expect(new Set(reported)).toEqual(new Set(["the store is away"]));
  interfere = () => {};
  await pass(1);
  expect(await inUse()).toEqual({ u: 2, d: 1 });
});

test("a decision that keeps failing holds its candidate, and no other one", async () => {
  interfere = (composition) => {
    if (composition.u === 2) throw new Error("a bug");
  };
  await publish("u");
  await publish("u");
  await pass(10);
  const [first, second] = await decisions();
  expect(first).toMatchObject({ moves: { u: 2 }, decision: "held", reasons: ["missing"] });
  expect(first?.detail).toBe("deciding failed 5 times: a bug");
  expect(second).toMatchObject({ moves: { u: 3 }, decision: "promoted" });
  expect(await inUse()).toEqual({ u: 3, d: 1 });
});

test("a long search for sets gives way to a quarantine of what is in use", async () => {
  await publish("u");
  expect(await inUse()).toEqual({ u: 2, d: 1 });
  let measured = 0;
  interfere = async (composition) => {
    if (composition.u === 2 || composition.d === 1) return;
    measured += 1;
    await clock.sleep(10_000);
  };
  for (const component of ["u", "u", "d", "d", "d"] as const) await publish(component);
  await pass(15);
  expect(measured).toBeGreaterThan(0);
  await backplane.quarantines.append(quarantine("u", 2));
  await pass(10);
  // Then u@3 is an improvement again.
  const [rollback] = (await entries()).filter((entry) => entry.entry === "release" && entry.kind === "rollback");
  expect(rollback).toMatchObject({ number: 4, composition: { u: 1, d: 1 } });
  expect(await inUse()).toEqual({ u: 3, d: 1 });
  expect(measured).toBeLessThan(4);
});
