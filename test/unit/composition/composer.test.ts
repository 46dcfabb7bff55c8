import { beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import { composeLosses } from "../../../services/composition/compose-losses.ts";
import { createComposer } from "../../../services/composition/composer.ts";
import type { StoredTable } from "../../../services/data/spill/stored-table.ts";
import { modelOfBytes } from "../../../services/inference/hosted-model.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { createMatrix } from "../../../services/verdicts/matrix.ts";
import { SnapshotFault } from "../../../services/verdicts/snapshot-fault.ts";
import {
  component,
  type LinearModel,
  linearBytes,
  loadLinear,
  pipelineOf,
  tableOf,
  twoComponents,
} from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";
import { spillTests } from "../../helpers/spilled-tables.ts";

const rows = 5000;
const x = Array.from({ length: rows }, (_, row) => (row % 17) / 17);
const heldOut = tableOf({ x, z: x.map((value) => 2 * value), y: x.map((value) => 3 * value) });
const never = new AbortController().signal;
const { spill } = spillTests();

let calls: number;
let passes: string[];
let loads: string[];
let disposals: string[];
let models: Map<string, LinearModel>;
beforeEach(() => {
  calls = 0;
  passes = [];
  loads = [];
  disposals = [];
  // u@i predicts i x; d@j predicts x + j u.
  models = new Map(
    [1, 2, 3, 4].flatMap((serial): [string, LinearModel][] => [
      [`u@${serial}`, { weights: { x: serial } }],
      [`d@${serial}`, { weights: { x: 1, "u-out": serial } }],
    ]),
  );
});

/** @param cached most bytes of outputs that the composer keeps @param held what its host keeps */
function composerOf(pipeline: Pipeline, { cached = 1e9, held = 1e9, table = heldOut as StoredTable } = {}) {
  const inference = localInference(loadCounted, held);
  return createComposer(
    { pipeline, heldOut: table, outputCacheBytes: cached },
    {
      async modelOf({ name, output, columns, upstream }, serial) {
        const snapshot = `${name}@${serial}`;
        const model = models.get(snapshot);
        if (model === undefined)
          throw new SnapshotFault({ component: name, serial }, "malformed-model", "no such model");
        const inputs = [...columns, ...upstream.map((other) => `${other}-out`)];
        return modelOfBytes(snapshot, linearBytes(model), {
          inputs: inputs.map((input) => ({ name: input, kind: "numeric", width: 1 })),
          output: { name: output.name, kind: "numeric", width: output.width },
        });
      },
      inference: {
        ...inference,
        run(...call) {
          calls += 1;
          return inference.run(...call);
        },
      },
      onPass: (name, serial) => passes.push(`${name}@${serial}`),
    },
  );
}

const loadCounted: typeof loadLinear = async (bytes, contract) => {
  const text = new TextDecoder().decode(bytes);
  loads.push(text);
  const loaded = await loadLinear(bytes, contract);
  return { ...loaded, dispose: async () => void disposals.push(text) };
};

test("a downstream snapshot reads the composed output of the upstream one, over all rows", async () => {
  const composed = await composerOf(twoComponents).output("d", { u: 3, d: 2 });
  expect(composed).toHaveLength(rows);
  const expected = Float32Array.from(x, (value) => Math.fround(value) + 2 * Math.fround(3 * Math.fround(value)));
  expect(composed).toEqual(expected);
});

test("rows in files are composed block by block, with the values of rows in memory and one pass of each snapshot", async () => {
  // Three blocks.
  const many = tableOf({
    x: Array.from({ length: 140_000 }, (_, row) => Math.sin(row)),
    unused: new Array(140_000).fill(0),
  });
  const replaced = {
    component: "u",
    consumers: ["d"],
    values: Float32Array.from({ length: many.rows }, (_, row) => row),
  };
  const outputsOf = async (table: StoredTable) => {
    const composer = composerOf(twoComponents, { table });
    return [
      await composer.output("d", { u: 3, d: 2 }),
      await composer.output("d", { u: 3, d: 2 }, [replaced]),
      ...(await composer.outputs("d", { u: 1, d: 4 }, [[], [replaced]])),
    ];
  };
  const expected = await outputsOf(many);
  const before = passes;
  passes = [];
  const composed = await outputsOf(await spill(many));
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  expect(
    composed.map((values) => bytes(values).equals(bytes(expected[composed.indexOf(values)] as Float32Array))),
  ).toEqual(expected.map(() => true));
  // Hosts keep no outputs of blocks.
  expect(passes.filter((pass) => pass.startsWith("d@"))).toEqual(before.filter((pass) => pass.startsWith("d@")));
});

test("all pairs of N upstream and M downstream snapshots take N upstream and N * M downstream passes", async () => {
  const composer = composerOf(twoComponents);
  for (const u of [1, 2, 3]) for (const d of [1, 2, 3, 4]) await composer.output("d", { u, d });
  expect(passes.filter((pass) => pass.startsWith("u@"))).toEqual(["u@1", "u@2", "u@3"]);
  expect(passes.filter((pass) => pass.startsWith("d@"))).toHaveLength(12);
  expect(new Set(loads).size).toBe(loads.length);
});

test("pairs that are asked for at the same time share what they have in common", async () => {
  const composer = composerOf(twoComponents);
  await Promise.all([1, 2, 3, 1, 2, 3].map((d) => composer.output("d", { u: 1, d })));
  expect(passes.sort()).toEqual(["d@1", "d@2", "d@3", "u@1"]);
});

test("outputs that are composed ahead, in one call, are those that are asked for later", async () => {
  const compositions = [1, 2, 3].map((d) => ({ u: 1, d }));
  const alone = composerOf(twoComponents);
  const expected = await Promise.all(compositions.map((composition) => alone.output("d", composition)));
  expect(calls).toBe(3);
  const composer = composerOf(twoComponents);
  composer.prepare("d", compositions);
  composer.prepare("d", compositions);
  expect(await Promise.all(compositions.map((composition) => composer.output("d", composition)))).toEqual(expected);
  expect(calls).toBe(4);
  expect(passes.slice(4)).toEqual(["u@1", "d@1", "d@2", "d@3"]);
});

test("composing ahead blames no snapshot: only a call that asks for a faulty output throws the fault", async () => {
  models.set("d@2", { weights: {}, emits: "nan" });
  const composer = composerOf(twoComponents);
  composer.prepare(
    "d",
    [1, 2, 3].map((d) => ({ u: 1, d })),
  );
  expect(await composer.output("d", { u: 1, d: 3 })).toHaveLength(rows);
  const fault = { component: "d", serial: 2, reason: "not-finite", inputs: { u: 1 } };
  await expect(composer.output("d", { u: 1, d: 2 })).rejects.toMatchObject(fault);
  expect(await composer.output("d", { u: 1, d: 1 })).toHaveLength(rows);
});

test("no more is composed ahead than fits into half of the cache", async () => {
  const composer = composerOf(twoComponents, { cached: 5 * 4 * rows, held: 0 });
  composer.prepare(
    "d",
    [1, 2, 3, 4].map((d) => ({ u: 1, d })),
  );
  await composer.output("d", { u: 1, d: 2 });
  await expect.poll(composer.cachedBytes).toBe(2 * 4 * rows);
  expect(passes).toEqual(["u@1", "d@1", "d@2"]);
});

test("in a diamond the common ancestor runs once, and an output is shared wherever its own upstream is the same", async () => {
  const diamond = pipelineOf(
    [
      component({ name: "u", columns: ["x"] }),
      component({ name: "a", upstream: ["u"] }),
      component({ name: "b", upstream: ["u"] }),
      component({ name: "d", upstream: ["a", "b"] }),
    ],
    "d",
  );
  for (const serial of [1, 2]) {
    models.set(`a@${serial}`, { weights: { "u-out": serial } });
    models.set(`b@${serial}`, { weights: { "u-out": 10 * serial } });
  }
  models.set("d@1", { weights: { "a-out": 1, "b-out": 1 } });
  const composer = composerOf(diamond);
  const first = await composer.output("d", { u: 1, a: 1, b: 1, d: 1 });
  const second = await composer.output("d", { u: 1, a: 2, b: 1, d: 1 });
  expect(first[1]).toBeCloseTo(11 / 17, 5);
  expect(second[1]).toBeCloseTo(12 / 17, 5);
  expect(passes).toEqual(["u@1", "a@1", "b@1", "d@1", "a@2", "d@1"]);
});

/** u, which a and b read, which d adds up; a is u, and b is ten times u. */
function aDiamond() {
  const pipeline = pipelineOf(
    [
      component({ name: "u", columns: ["x"] }),
      component({ name: "a", upstream: ["u"] }),
      component({ name: "b", upstream: ["u"] }),
      component({ name: "d", upstream: ["a", "b"] }),
    ],
    "d",
  );
  models.set("a@1", { weights: { "u-out": 1 } });
  models.set("b@1", { weights: { "u-out": 10 } });
  models.set("d@1", { weights: { "a-out": 1, "b-out": 1 } });
  return pipeline;
}

test("consumers read a replaced output, others the prediction, and nothing that depends on it is kept", async () => {
  const diamond = aDiamond();
  const composer = composerOf(diamond);
  const composition = { u: 1, a: 1, b: 1, d: 1 };
  const replaced = (consumers: readonly string[]) => [
    { component: "u", consumers, values: new Float32Array(rows).fill(5) },
  ];
  expect((await composer.output("d", composition, replaced(["a"])))[1]).toBeCloseTo(5 + 10 / 17, 5);
  expect((await composer.output("d", composition, replaced(["a", "b"])))[1]).toBe(55);
  expect(passes).toEqual(["u@1", "a@1", "b@1", "d@1", "a@1", "b@1", "d@1"]);
  expect((await composer.output("d", composition))[1]).toBeCloseTo(11 / 17, 5);
  expect((await composer.output("d", composition))[1]).toBeCloseTo(11 / 17, 5);
  expect(passes.slice(7)).toEqual(["u@1", "a@1", "b@1", "d@1"]);
});

test("an output does not depend on snapshots downstream of it", async () => {
  const composer = composerOf(twoComponents);
  await composer.output("u", { u: 1, d: 1 });
  await composer.output("u", { u: 1, d: 2 });
  await composer.output("u", { u: 1 });
  expect(passes).toEqual(["u@1"]);
});

test("outputs beyond the limit are dropped, the least recently used first, and computed again when needed", async () => {
  const composer = composerOf(twoComponents, { cached: 2 * 4 * rows, held: 0 });
  for (const u of [1, 2, 1, 3, 1, 2]) await composer.output("u", { u });
  expect(passes).toEqual(["u@1", "u@2", "u@3", "u@2"]);
  expect(composer.cachedBytes()).toBe(2 * 4 * rows);
});

test("what a host keeps is bounded, and models beyond the limit are unloaded", async () => {
  const composer = composerOf(twoComponents, { held: 0 });
  for (const u of [1, 2, 1]) await composer.output("d", { u, d: 1 });
  expect(loads).toHaveLength(4);
  expect(disposals).toEqual(loads);
});

test("a missing component, an unknown one and a model that cannot be loaded are told apart", async () => {
  const composer = composerOf(twoComponents);
  await expect(composer.output("d", { d: 1 })).rejects.toThrow(
    new UncoupleError("failed-precondition", "no snapshot of u to compose d with"),
  );
  await expect(composer.output("m9", { m9: 1 })).rejects.toMatchObject({ code: "not-found" });
  await expect(composer.output("d", { u: 9, d: 1 })).rejects.toMatchObject({
    name: "SnapshotFault",
    component: "u",
    serial: 9,
    inputs: undefined,
  });
});

test.each([
  ["NaN", { weights: {}, emits: "nan" }, "not-finite", /u-out is not finite in row 1/],
  ["an overflow", { weights: { x: 1e39 } }, "not-finite", /u-out is not finite in row 7/],
  ["a graph that fails", { weights: {}, emits: "nothing" }, "malformed-model", /cannot be run: the graph fails/],
] as const)("%s is the fault of the snapshot that emits it, with what it read", async (_, model, reason, detail) => {
  models.set("u@1", model);
  await expect(composerOf(twoComponents).output("d", { u: 1, d: 1 })).rejects.toMatchObject({
    component: "u",
    serial: 1,
    reason,
    message: expect.stringMatching(detail),
    inputs: {},
  });
});

function matrixOf(retained: Record<string, number[]>, current: Record<string, number>) {
  const composer = composerOf(twoComponents);
  const target = { kind: "values", rows, values: Float32Array.from(x, (value) => 3 * value) } as const;
  return createMatrix({
    pipeline: twoComponents,
    losses: composeLosses(twoComponents, composer, new Map([["d", target]])),
    groupings: [],
    retained: (name) => retained[name] ?? [],
    current: async () => current,
  });
}
const meanSquare = x.reduce((sum, value) => sum + value * value, 0) / rows;

test("the matrix holds the loss of every pair, and is filled in, not begun again", async () => {
  const retained = { u: [1, 2], d: [1, 2] };
  const matrix = matrixOf(retained, { u: 2, d: 2 });
  const [first] = await matrix.refresh(never);
  expect(first).toMatchObject({ upstream: "u", downstream: "d", upstreamSerials: [1, 2], downstreamSerials: [1, 2] });
  // d@j of u@i is (1 + i j) x, y is 3 x.
  for (const { upstreamSerial: i, downstreamSerial: j, loss } of first?.cells ?? []) {
    expect(loss).toBeCloseTo((i * j - 2) ** 2 * meanSquare, 4);
  }
  expect(first?.cells).toHaveLength(4);
  expect(passes).toHaveLength(6);
  retained.u.push(3);
  const [second] = await matrix.refresh(never);
  expect(second?.cells).toHaveLength(6);
  expect(passes).toHaveLength(9);
});

test("a pair without a finite prediction has no cell, the others have", async () => {
  models.set("d@2", { weights: { "u-out": 1e38 } });
  const [matrix] = await matrixOf({ u: [1, 4], d: [1, 2] }, { u: 1, d: 1 }).refresh(never);
  expect(matrix?.cells.map(({ upstreamSerial, downstreamSerial }) => [upstreamSerial, downstreamSerial])).toEqual([
    [1, 1],
    [1, 2],
    [4, 1],
  ]);
});

test("an edge without snapshots is an empty matrix, and the loss in use is not known", async () => {
  const matrix = matrixOf({ u: [1] }, { u: 1 });
  expect(await matrix.refresh(never)).toEqual([
    { upstream: "u", downstream: "d", upstreamSerials: [1], downstreamSerials: [], cells: [] },
  ]);
  expect(await matrix.current()).toEqual({ composition: { u: 1 }, loss: null });
});

test("a replaced output is read by the named consumers only, in one call that runs what is shared once", async () => {
  const diamond = aDiamond();
  const values = new Float32Array(rows).fill(2);
  const composition = { u: 1, a: 1, b: 1, d: 1 };
  const ofU = { component: "u", consumers: ["a"], values };
  const ofB = { component: "b", consumers: ["d"], values };
  const [composed, toA, toD, both] = await composerOf(diamond).outputs("d", composition, [
    [],
    [ofU],
    [ofB],
    [ofU, ofB],
  ]);
  const at = 1 / 17;
  expect(composed?.[1]).toBeCloseTo(11 * at, 5);
  expect(toA?.[1]).toBeCloseTo(2 + 10 * at, 5);
  expect(toD?.[1]).toBeCloseTo(at + 2, 5);
  expect(both?.[1]).toBe(4);
  expect(passes.slice(0, 7)).toEqual(["u@1", "a@1", "b@1", "d@1", "a@1", "d@1", "d@1"]);
});
