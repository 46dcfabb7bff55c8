import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { createPipelineView } from "../../../../services/composition/pipeline-view.ts";
import { createGating } from "../../../../services/evaluator/gating/gating.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";
import type { Decision } from "../../../../services/pipeline/release.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { createLedgerState } from "../../../../services/releases/ledger-state.ts";
import { createMetrics } from "../../../../services/runtime/metrics.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { draft, generation, model, quarantine, verdict } from "../../../helpers/drafts.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { silentLog } from "../../../helpers/log.ts";
import { plantedRows } from "../../../helpers/planted-rows.ts";

const pipeline = { ...twoComponents, gate: { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" } as const };
const ROWS = 500;

/** The loss of each snapshot of u with any d. */
const losses: Readonly<Record<number, number>> = { 1: 1, 2: 0.5, 3: 0.9 };

let clock: VirtualClock;
let backplane: Backplane;
let leaving: AbortController;
/** Called before each measurement of a composition; may throw. */
let interfere: (composition: Composition) => void;
let reported: string[];

beforeEach(async () => {
  clock = createVirtualClock();
  backplane = createMemoryBackplane("demo", { clock });
  leaving = new AbortController();
  interfere = () => {};
  reported = [];
  start();
  await publish("u");
  await publish("d");
  expect(await inUse()).toEqual({ u: 1, d: 1 });
});
afterEach(async () => {
  leaving.abort();
  await backplane.close();
});

/** The gate of an evaluator whose measurements are planted. */
function start(): void {
  const state = createLedgerState();
  const reportFailure = (_: string, { message }: Error) => void reported.push(message);
  const view = createPipelineView({ backplane, clock, onError: reportFailure, onLedgerEntry: state.note });
  const rowsOf = (part: "screen" | "confirm" | "reserve") =>
    plantedRows({
      part,
      rowLosses(_, composition) {
        interfere(composition);
        const loss = losses[composition.u as number] as number;
        return Float64Array.from({ length: ROWS }, (_, row) => loss + 0.01 * (((row * 7) % 11) - 5) * loss);
      },
    });
  const found = generation(1);
  const gating = createGating({
    evaluator: "e1",
    pipeline,
    gate: pipeline.gate,
    retained: 8,
    rows: { screen: rowsOf("screen"), confirm: rowsOf("confirm"), reserve: rowsOf("reserve") },
    backplane,
    view,
    state,
    applied: { opens: async () => {}, refusal: () => undefined },
    generation: {
      settle: async () => {},
      current: () => found,
      settled: () => found,
      confirm: async () => found,
    },
    async quarantine({ component, serial }, reason, detail) {
      await backplane.quarantines.append(quarantine(component, serial, { reason, detail }));
    },
    metrics: createMetrics({ service: "evaluator", version: "0" }),
    reportFailure,
    clock,
    log: silentLog,
  });
  void view.follow(leaving.signal);
  void gating.run(leaving.signal);
}

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

async function decisions(): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  for await (const { value } of backplane.ledger.read(0)) if (value.entry === "decision") found.push(value);
  return found;
}

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
