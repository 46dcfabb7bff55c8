import { connect } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { type CounterfactualOracle, evaluateOracle } from "../../services/data/source/oracle.ts";
import type { NumericColumn, Table } from "../../services/data/table/table.ts";
import type { QuarantineReason, Verdict } from "../../services/pipeline/verdict.ts";
import { collect } from "../../services/registry/logged.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { readPages } from "../../services/rpc/services/pages.ts";
import {
  denseBytes,
  heldOutOf,
  oracleOf,
  readingScaledZ,
  scaled,
  spoilt,
  twoStage,
} from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { take } from "../helpers/take.ts";

let nats: TestNats;
let world: EvaluatorWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openEvaluatorWorld(nats.url, `demo-${++worlds}`);
});
afterEach(() => world.close());

const column = (table: Table, name: string) => (table.columns[name] as NumericColumn).values;

/** Squared errors per row, computed independently in float64, without ONNX. */
function squaredErrors(table: Table, m1: CounterfactualOracle, m2: CounterfactualOracle) {
  const z = evaluateOracle(m1, [column(table, "x1")], table.rows);
  const inputs = m2.inputs.map(({ name }) => (name === "z" ? z : column(table, name)));
  const y = evaluateOracle(m2, inputs, table.rows);
  const byRow = (predicted: Float32Array, actual: Float32Array, width: number) =>
    Float64Array.from({ length: table.rows }, (_, row) => {
      let sum = 0;
      for (let k = row * width; k < (row + 1) * width; k++)
        sum += ((predicted[k] as number) - (actual[k] as number)) ** 2;
      return sum / width;
    });
  return { own: byRow(z, column(table, "z"), 3), pipeline: byRow(y, column(table, "y"), 1) };
}
const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean distance of two outputs in standard deviations of the first, computed coordinate by coordinate. */
function shiftOf(before: Float32Array, after: Float32Array, width: number): number {
  const shifts = Array.from({ length: width }, (_, index) => {
    const at = (values: Float32Array) => Float64Array.from(values.filter((_value, i) => i % width === index));
    const [old, now] = [at(before), at(after)];
    const center = mean(old);
    const deviation = Math.sqrt(mean(old.map((value) => (value - center) ** 2)));
    return mean(old.map((value, row) => Math.abs((now[row] as number) - value))) / deviation;
  });
  return shifts.reduce((sum, shift) => sum + shift, 0) / width;
}

/** Textbook bootstrap, with replacement. */
function textbookInterval(current: Float64Array, candidate: Float64Array): [number, number] {
  const random = createRandom(3, "textbook");
  const means = Array.from({ length: 1000 }, () => {
    let sum = 0;
    for (let draw = 0; draw < current.length; draw++) {
      const row = random.below(current.length);
      sum += (candidate[row] as number) - (current[row] as number);
    }
    return sum / current.length;
  }).sort((a, b) => a - b);
  return [means[24] as number, means[974] as number];
}

function expectInterval(actual: readonly number[] | null | undefined, expected: readonly [number, number]): void {
  const width = expected[1] - expected[0];
  expect(Math.abs((actual?.[0] ?? Number.NaN) - expected[0]) / width).toBeLessThan(0.1);
  expect(Math.abs((actual?.[1] ?? Number.NaN) - expected[1]) / width).toBeLessThan(0.1);
}

const summary = (verdicts: readonly Verdict[]) =>
  verdicts.map(({ component, serial, kind, reason }) => [`${component}@${serial}`, kind, ...(reason ? [reason] : [])]);

describe("real snapshots on a real server", () => {
  const m1 = oracleOf("m1");
  const m2 = oracleOf("m2");
  // m1@1 predicts z / 2, which m2@1 expects; m2@2 expects the correct z.
  const m1s = [scaled(m1, 0.5), scaled(m1, 1.2), m1, spoilt(m1, 1)] as const;
  const m2s = [readingScaledZ(m2, 0.5), m2] as const;

  test("verdicts and the matrix match an independent computation", async () => {
    const { grpcPort, httpPort } = await world.evaluator();
    const client = connectEvaluator(`127.0.0.1:${grpcPort}`, { clock: systemClock });
    try {
      await world.publish("m1", m1s[0]);
      await world.publish("m2", m2s[0]);
      await world.publish("m1", m1s[1]);
      await world.publish("m2", m2s[1]);
      await world.publish("m1", m1s[2]);
      await world.publish("m1", m1s[3]);
      const { verdicts, quarantines } = await world.settled(6);
      expect(quarantines).toEqual([]);
      expect(summary(verdicts)).toEqual([
        ["m1@1", "inconclusive", "incomplete-pipeline"],
        ["m2@1", "inconclusive", "no-current-snapshot"],
        ["m1@2", "self-defeating"],
        ["m2@2", "improved"],
        ["m1@3", "improved"],
        ["m1@4", "degraded"],
      ]);

      const table = await heldOutOf(twoStage);
      const verdict = verdicts[2] as Verdict;
      const before = squaredErrors(table, m1s[0], m2s[0]);
      const after = squaredErrors(table, m1s[1], m2s[0]);
      expect(verdict.rows).toBe(table.rows);
      expect(verdict.componentLoss.current).toBeCloseTo(mean(before.own), 5);
      expect(verdict.componentLoss.candidate).toBeCloseTo(mean(after.own), 5);
      expectInterval(verdict.componentInterval, textbookInterval(before.own, after.own));
      expect(verdict.comparison).toMatchObject({ current: { m1: 1, m2: 1 }, candidate: { m1: 2, m2: 1 } });
      expect(verdict.comparison?.currentLoss).toBeCloseTo(mean(before.pipeline), 5);
      expect(verdict.comparison?.candidateLoss).toBeCloseTo(mean(after.pipeline), 5);
      expect(verdict.comparison?.difference).toBeCloseTo(mean(after.pipeline) - mean(before.pipeline), 5);
      expectInterval(verdict.comparison?.interval, textbookInterval(before.pipeline, after.pipeline));

      // m1@2 predicts 2.4 times what m1@1 did: the harm is a change of units, which an adapter undoes. m1@4 is spoilt.
      const [, secondOfM2, scaledUp, , , last] = verdicts;
      expect(secondOfM2?.interfaceShift).toBeUndefined();
      const z = evaluateOracle(m1s[0], [column(table, "x1")], table.rows);
      expect(scaledUp?.interfaceShift?.shift).toBeCloseTo(
        shiftOf(
          z,
          z.map((value) => 2.4 * value),
          3,
        ),
        4,
      );
      expect(scaledUp?.interfaceShift?.coordinates).toHaveLength(3);
      expect(scaledUp?.interfaceShift?.adapter).toMatchObject({ explains: "convention" });
      expect(scaledUp?.interfaceShift?.adapter?.recovered).toBeCloseTo(1, 3);
      expect(last?.interfaceShift?.adapter).toMatchObject({ explains: "content" });

      // m1@3 replaces m1@2 under m2@1, which is retained although m2@2 is current.
      const [alternative] = (verdicts[4] as Verdict).alternatives;
      expect(alternative).toMatchObject({ current: { m1: 2, m2: 1 }, candidate: { m1: 3, m2: 1 } });
      expect(alternative?.candidateLoss).toBeCloseTo(mean(squaredErrors(table, m1s[2], m2s[0]).pipeline), 5);

      const [edge, ...others] = await client.matrix();
      expect(others).toEqual([]);
      expect(edge).toMatchObject({
        upstream: "m1",
        downstream: "m2",
        upstreamSerials: [1, 2, 3, 4],
        downstreamSerials: [1, 2],
      });
      expect(edge?.cells).toHaveLength(8);
      for (const { upstreamSerial: i, downstreamSerial: j, loss } of edge?.cells ?? []) {
        const expected = mean(squaredErrors(table, m1s[i - 1] ?? m1, m2s[j - 1] ?? m2).pipeline);
        expect(loss).toBeCloseTo(expected, 4);
      }

      const [compared] = await client.matrix({ intervals: true });
      expect(compared).toMatchObject({
        current: { upstreamSerial: 4, downstreamSerial: 2 },
        intervals: { level: 0.95, compared: 7 },
      });
      const inUse = squaredErrors(table, m1s[3], m2s[1]).pipeline;
      for (const { upstreamSerial: i, downstreamSerial: j, comparison } of compared?.cells ?? []) {
        expect(comparison === undefined).toBe(i === 4 && j === 2);
        if (comparison === undefined) continue;
        const cell = squaredErrors(table, m1s[i - 1] ?? m1, m2s[j - 1] ?? m2).pipeline;
        expect(comparison.difference).toBeCloseTo(mean(cell) - mean(inUse), 4);
        // At a higher level than 95 %, so that all seven hold together.
        const differences = cell.map((loss, row) => loss - (inUse[row] as number));
        const center = mean(differences);
        const deviation = Math.sqrt(mean(differences.map((value) => (value - center) ** 2)));
        const width = (2 * 1.96 * deviation) / Math.sqrt(table.rows);
        expect(comparison.level).toBeGreaterThanOrEqual(0.95);
        expect(comparison.interval[1] - comparison.interval[0]).toBeGreaterThan(0.97 * width);
        expect(comparison.kind).toBe(mean(cell) < mean(inUse) ? "improved" : "degraded");
      }

      expect(await client.status()).toMatchObject({ evaluator: "e1", pending: 0, current: { m1: 4, m2: 2 } });
      expect(await collect(readPages(client.listVerdicts))).toEqual(verdicts);
      const watched = await take(client.watchVerdicts(0, new AbortController().signal), 6);
      expect(watched.map(({ value }) => value)).toEqual(verdicts);
      const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      for (const [kind, component] of [
        ["self-defeating", "m1"],
        ["improved", "m2"],
        ["degraded", "m1"],
      ]) {
        expect(metrics).toMatch(new RegExp(`uncouple_verdicts_total\\{component="${component}",kind="${kind}".*\\} 1`));
      }
      // No more than 4 upstream and 4 x 2 downstream passes: the cells and all verdicts share them. The self-defeating and
      // the degraded update are tried with an adapter, too.
      expect(metrics).toMatch(/uncouple_evaluation_passes_total\{component="m1".*\} 4\n/);
      expect(metrics).toMatch(/uncouple_evaluation_passes_total\{component="m2".*\} 10\n/);
      expect(metrics).toMatch(/uncouple_nats_connection_state\{state="connected".*\} 1\n/);
      expect(metrics).toMatch(
        /uncouple_rpc_handled_total\{method="uncouple.v1.Evaluator\/GetMatrix",code="OK".*\} 2\n/,
      );
    } finally {
      client.close();
    }
  });

  test("two evaluators share the work, return the same matrix, and judge every snapshot once", async () => {
    const [one, two] = await Promise.all([world.evaluator({ name: "e1" }), world.evaluator({ name: "e2" })]);
    await world.publish("m2", m2);
    for (let i = 0; i < 12; i++) await world.publish("m1", spoilt(m1, 0.05 * i, i));
    const { verdicts } = await world.settled(13);
    expect(verdicts).toHaveLength(13);
    expect(new Set(verdicts.map(({ component, serial }) => `${component}@${serial}`)).size).toBe(13);
    expect(new Set(verdicts.map(({ evaluator }) => evaluator))).toEqual(new Set(["e1", "e2"]));
    const clients = [one, two].map(({ grpcPort }) => connectEvaluator(`127.0.0.1:${grpcPort}`, { clock: systemClock }));
    await expect
      .poll(async () => {
        const [a, b] = await Promise.all(clients.map((client) => client.matrix()));
        return a?.[0]?.cells.length === 8 && JSON.stringify(a) === JSON.stringify(b);
      })
      .toBe(true);
    for (const client of clients) client.close();
  });

  test("every kind of bad snapshot is quarantined, and the snapshots after it are judged", async () => {
    await world.publish("m1", scaled(m1, 0.5));
    await world.publish("m2", m2);
    const good = denseBytes(m1, "z");
    const nan = { ...m1, layers: m1.layers.map((layer) => ({ ...layer, bias: layer.bias.map(() => Number.NaN) })) };
    const wide = denseBytes({ ...m1, layers: m1.layers.slice(0, 1) }, "z");
    const otherInput = denseBytes({ ...m1, inputs: [{ name: "x9", width: 10 }] }, "z");
    const bad: [
      QuarantineReason,
      Parameters<EvaluatorWorld["publish"]>[1],
      Parameters<EvaluatorWorld["publish"]>[2]?,
    ][] = [
      ["malformed-model", new TextEncoder().encode("not a model")],
      ["malformed-model", good.subarray(0, good.length / 2)],
      ["oversized", new Uint8Array(20_001)],
      ["wrong-inputs", good, { contract: { inputs: [] } }],
      ["wrong-inputs", otherInput],
      ["wrong-output", good, { contract: { output: { name: "z", kind: "numeric", width: 2 } } }],
      ["wrong-output", wide],
      ["wrong-output", denseBytes(m1, "zz")],
      ["not-finite", nan],
    ];
    for (const [, network, change] of bad) await world.publish("m1", network, change);
    const lost = await world.publish("m1", good);
    await loseBytes(lost.size);
    await world.publish("m1", m1);
    const { grpcPort, httpPort } = await world.evaluator({ maxModelBytes: 20_000 });
    const { verdicts, quarantines } = await world.settled(13);
    expect(quarantines.map(({ serial, reason }) => [serial, reason])).toEqual([
      ...bad.map(([reason], index) => [index + 2, reason]),
      [11, "digest-mismatch"],
    ]);
    for (const { detail } of quarantines) expect(detail.length).toBeGreaterThan(10);
    expect(summary(verdicts).at(-1)).toEqual(["m1@12", "improved"]);
    expect(verdicts.at(-1)?.comparison?.current).toEqual({ m1: 1, m2: 1 });
    const client = connectEvaluator(`127.0.0.1:${grpcPort}`, { clock: systemClock });
    expect(await collect(readPages(client.listQuarantines))).toEqual(quarantines);
    expect((await client.matrix())[0]?.upstreamSerials).toEqual([1, 12]);
    // Models in use stay loaded even when the size limit is small.
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    expect(metrics).toMatch(/uncouple_evaluator_cache_bytes\{kind="models".*\} [1-9]/);
    client.close();
  });

  /** Deletes the stored bytes of the newest model of that size, to simulate a damaged disk. */
  async function loseBytes(size: number): Promise<void> {
    const connection = await connect({ servers: nats.url });
    const manager = await connection.jetstreamManager();
    const stream = `OBJ_uncouple-demo-${worlds}-models`;
    const { state } = await manager.streams.info(stream);
    for (let seq = state.last_seq; seq > 0; seq--) {
      const message = await manager.streams.getMessage(stream, { seq });
      if (message.data.length !== size) continue;
      await manager.streams.deleteMessage(stream, seq);
      break;
    }
    await connection.close();
  }

  test("health and gRPC answer while announcements are being judged", async () => {
    const big = await openEvaluatorWorld(nats.url, `demo-${++worlds}`, 100_000);
    try {
      await big.publish("m2", m2);
      for (let i = 1; i <= 6; i++) await big.publish("m1", spoilt(m1, 0.1 * i, i));
      const { grpcPort, httpPort } = await big.evaluator();
      const client = connectEvaluator(`127.0.0.1:${grpcPort}`, { clock: systemClock });
      const answers: { live: number; pending: number; state: string }[] = [];
      do {
        const [live, { pending, state }] = await Promise.all([
          fetch(`http://127.0.0.1:${httpPort}/livez`),
          client.status(),
        ]);
        answers.push({ live: live.status, pending, state });
      } while (answers.at(-1)?.pending !== 0);
      client.close();
      expect(answers.every(({ live }) => live === 200)).toBe(true);
      // The requests were answered during the evaluation, not only before and after it.
      expect(answers.filter(({ state }) => state === "evaluating").length).toBeGreaterThan(3);
    } finally {
      await big.close();
    }
  });
});
