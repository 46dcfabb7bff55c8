import { afterEach, expect, test } from "vitest";
import { type GatedEvaluators, openGatedEvaluators } from "../../../helpers/gated-evaluators.ts";
import { good } from "../../../helpers/memory-evaluators.ts";

let world: GatedEvaluators;
afterEach(() => world.close());

const shown = (text: string) =>
  text
    .split("\n")
    .filter((line) => /^uncouple_(release|gate)_/.test(line))
    .map((line) => line.replace(/,?service="evaluator"/, "").replace("{}", ""));

test("status and metrics say what is released, what is held since when and why, and what may still be asked", async () => {
  world = openGatedEvaluators({ horizon: 1 });
  const { evaluator, metrics } = world.gated();
  expect(await evaluator.status()).toMatchObject({ release: null, gate: { mode: "enforce", held: [] } });
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  await world.quiet();
  await world.publish("u", { x: 1.5 });
  await world.quiet();
  const began = world.clock.now();
  await world.publish("u", { x: 2 });
  await world.quiet();
  await world.served("edge", 2);
  await world.quiet();
  const status = await evaluator.status();
  expect(status).toMatchObject({ release: 3, current: { u: 2, d: 1 }, gate: { questionsLeft: 0 } });
  const [held, ...others] = status.gate?.held ?? [];
  expect(others).toEqual([]);
  expect(held).toMatchObject({ snapshot: { component: "u", serial: 3 }, reasons: ["spent"], needs: [] });
  expect(Date.parse(held?.since ?? "")).toBeGreaterThanOrEqual(began);
  const age = (world.clock.now() - Date.parse(held?.since ?? "")) / 1000;
  expect(shown(await metrics.text())).toEqual([
    "uncouple_release_number 3",
    `uncouple_release_loss{generation="1"} ${status.loss}`,
    'uncouple_release_served{follower="edge"} 2',
    'uncouple_gate_waiting{component="u"} 0',
    'uncouple_gate_waiting{component="d"} 0',
    'uncouple_gate_held{component="u"} 1',
    'uncouple_gate_held{component="d"} 0',
    `uncouple_gate_held_age_seconds{component="u"} ${age}`,
    'uncouple_gate_held_age_seconds{component="d"} 0',
    "uncouple_gate_horizon 1",
    "uncouple_gate_questions_left 0",
    'uncouple_gate_decisions_total{decision="promoted"} 1',
    'uncouple_gate_decisions_total{decision="refused"} 0',
    'uncouple_gate_decisions_total{decision="held"} 1',
    'uncouple_gate_decisions_total{decision="void"} 0',
    "uncouple_gate_holder 1",
  ]);
  await world.order({ verb: "refuse", snapshots: [{ component: "u", serial: 3 }] });
  await world.quiet();
  expect(shown(await metrics.text())).toContain('uncouple_gate_held{component="u"} 0');
});

test("while nobody decides, candidates wait", async () => {
  world = openGatedEvaluators();
  const signal = new AbortController().signal;
  const lease = await world.backplane.leases.acquire("gate", "another", signal);
  const { metrics } = world.gated();
  await world.publish("u", { x: 1 });
  await world.publish("u", { x: 1.5 });
  await world.quiet();
  const values = async () =>
    shown(await metrics.text()).filter((line) => /^uncouple_gate_(waiting|held|holder)\b/.test(line));
  expect(await values()).toEqual([
    'uncouple_gate_waiting{component="u"} 2',
    'uncouple_gate_waiting{component="d"} 0',
    'uncouple_gate_held{component="u"} 0',
    'uncouple_gate_held{component="d"} 0',
    "uncouple_gate_holder 0",
  ]);
  await lease.release();
  await world.quiet();
  expect(await values()).toEqual([
    'uncouple_gate_waiting{component="u"} 0',
    'uncouple_gate_waiting{component="d"} 0',
    'uncouple_gate_held{component="u"} 0',
    'uncouple_gate_held{component="d"} 0',
    "uncouple_gate_holder 1",
  ]);
});

test("an observing gate has nobody who decides, and nothing waits for it", async () => {
  world = openGatedEvaluators({ mode: "observe" });
  const { metrics } = world.gated();
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  await world.quiet();
  const text = await metrics.text();
  expect(text).not.toMatch(/^uncouple_gate_(waiting|holder)\b.* \d/m);
  expect(text).toMatch(/^uncouple_gate_held\{component="u",.*\} 0$/m);
  expect(text).toMatch(/^uncouple_gate_horizon\{.*\} 200$/m);
});
