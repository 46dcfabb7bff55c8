import { expect, test } from "vitest";
import { CoordinatorBench, JOB, notFinite, right, unitOf, wrong } from "../../../helpers/coordinator-bench.ts";

test("a worker first runs a probe, which the trainer runs as well; probes are not counted among units", () => {
  const bench = new CoordinatorBench();
  bench.join("w1");
  const probe = bench.ask("w1");
  expect(probe).toMatchObject({ kind: "probe", job: "job", slot: 0, first: 0, count: 8, base: "start" });
  expect(bench.effects.at(-1)).toEqual({
    type: "run-probe",
    job: "job",
    unit: { job: "job", slot: 0, first: 0, count: 8, base: "start" },
  });
  bench.open(0);
  bench.submit(probe as NonNullable<typeof probe>);
  // Until both are there, the trainer runs the units.
  expect(bench.local()).toMatchObject([{ slot: 0 }]);
  expect(bench.ask("w1")).toBeUndefined();
  bench.send({ type: "probed", job: "job", outcome: right });
  bench.send({ type: "unit-opened", unit: unitOf(1) });
  expect(bench.effects.at(-1)).toMatchObject({ type: "grant", lease: { slot: 1, worker: "w1" } });
  expect(bench.counts()).toEqual({ leased: 2 });
});

test("a training shorter than a probe is the probe", () => {
  const bench = new CoordinatorBench({ steps: 3 });
  bench.join("w1");
  expect(bench.ask("w1")).toMatchObject({ kind: "probe", count: 3 });
});

test("a worker whose probe differs is refused for the program, and stays for others", () => {
  const bench = new CoordinatorBench();
  bench.join("w1");
  const probe = bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>;
  bench.send({ type: "probed", job: "job", outcome: right });
  expect(bench.submit(probe, wrong)).toBe("refused: its probe has the digest wrong, not right");
  bench.open(0);
  expect(bench.ask("w1")).toBeUndefined();
  expect(bench.local()).toHaveLength(1);
  expect(bench.counts()).toMatchObject({ refusedByProbe: 1 });
  expect(bench.notes().at(-1)).toMatchObject({ kind: "not-admitted", name: "w1", by: "probe" });
  bench.send({ type: "job-opened", job: { ...JOB, job: "other", program: "other" } });
  expect(bench.effects.at(-2)).toMatchObject({ type: "grant", lease: { kind: "probe", job: "other" } });
});

test("a worker that was admitted to a program runs other trainings of it without another probe", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.send({ type: "job-closed", job: "job" });
  bench.send({ type: "job-opened", job: { ...JOB, job: "next" } });
  bench.send({ type: "unit-opened", unit: unitOf(0, { job: "next" }) });
  expect(bench.take("w1")).toMatchObject({ kind: "unit", job: "next" });
});

test("exact: a worker without an engine of the class gets no probe, and the refusal is told once", () => {
  const bench = new CoordinatorBench();
  bench.join("w1", { engines: [{ engine: "onnx:cpu", numerics: "onnx:cpu/x64-avx2" }] });
  expect(bench.ask("w1")).toBeUndefined();
  bench.pass(3_000, "w1");
  expect(bench.notes().filter(({ kind }) => kind === "not-admitted")).toEqual([
    { kind: "not-admitted", name: "w1", by: "class", why: "it has onnx:cpu/x64-avx2, not wasm" },
  ]);
  expect(bench.counts()).toEqual({ refusedByClass: 1 });
});

test("tolerant: any engine is admitted, whatever its probe gives, and the trainer runs no probe", () => {
  const bench = new CoordinatorBench({ numerics: "tolerant" });
  bench.join("w1", { engines: [{ engine: "onnx:cuda", numerics: "onnx:cuda/a100" }] });
  const probe = bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>;
  expect(probe.engine).toBe("onnx:cuda");
  expect(bench.submit(probe, wrong)).toBe("applied");
  expect(bench.effects.filter(({ type }) => type === "run-probe")).toEqual([]);
  bench.open(0);
  expect(bench.take("w1")).toMatchObject({ kind: "unit", engine: "onnx:cuda" });
});

test("where the trainer cannot run the class, a probe that repeats is the measure", () => {
  const bench = new CoordinatorBench({ local: 0, fallback: "wait" });
  bench.open(0);
  bench.join("w1");
  bench.join("w2");
  bench.join("w3");
  const ask = (worker: string) => bench.ask(worker) as NonNullable<ReturnType<typeof bench.ask>>;
  const [one, two] = [ask("w1"), ask("w2")];
  expect(bench.submit(one, right)).toBe("applied");
  expect(bench.submit(two, wrong)).toBe("applied");
  const again = ask("w1");
  expect(again.kind).toBe("probe");
  expect(bench.submit(again, right)).toBe("applied");
  // Now there is a measure, the other one is refused.
  expect(bench.notes().at(-1)).toMatchObject({ kind: "not-admitted", name: "w2", by: "probe" });
  expect(bench.take("w1")).toMatchObject({ kind: "unit", slot: 0 });
  expect(bench.submit(ask("w3"), right)).toBe("applied");
});

test("where the trainer cannot run the class, a probe that does not repeat refuses its worker", () => {
  const bench = new CoordinatorBench({ local: 0, fallback: "wait" });
  bench.join("w1");
  bench.submit(bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>, right);
  const second = bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>;
  expect(bench.submit(second, wrong)).toBe("refused: its probe does not repeat: right, then wrong");
  expect(bench.ask("w1")).toBeUndefined();
});

test("a worker that cannot run the program is refused; one that failed by chance is probed again after a pause", () => {
  const bench = new CoordinatorBench();
  for (const [worker, code] of [
    ["w1", "invalid-argument"],
    ["w2", "unavailable"],
  ] as const) {
    bench.join(worker);
    const probe = bench.ask(worker) as NonNullable<ReturnType<typeof bench.ask>>;
    expect(bench.submit(probe, { kind: "failed", code, message: "no" })).toBe("refused: no");
    bench.ask(worker);
  }
  const effects = bench.pass(1_500, "w1", "w2");
  expect(effects.filter(({ type }) => type === "grant")).toMatchObject([{ lease: { kind: "probe", worker: "w2" } }]);
});

test("a trainer that cannot run the program waits for workers, or fails the training, by its rule", () => {
  const failed = { kind: "failed", code: "failed-precondition", message: "no GPU" } as const;
  const waiting = new CoordinatorBench({ fallback: "wait" });
  waiting.open(0);
  waiting.run(failed);
  expect(waiting.local()).toEqual([]);
  expect(waiting.state.units.size).toBe(1);
  expect(waiting.counts()).toEqual({ leased: 1, returned: 1 });
  const failing = new CoordinatorBench({ fallback: "local" });
  failing.open(0);
  failing.run(failed);
  expect(failing.effects.at(-1)).toMatchObject({ type: "failed", code: "failed-precondition", message: "no GPU" });
});

test("a lost probe is given again", () => {
  const bench = new CoordinatorBench();
  bench.join("w1");
  const probe = bench.ask("w1");
  bench.send({ type: "returned", worker: "w1", lease: probe?.id as string });
  expect(bench.ask("w1")?.kind).toBe("probe");
});

test("a probe that diverges is compared like any other", () => {
  const bench = new CoordinatorBench();
  bench.join("w1");
  const probe = bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>;
  bench.send({ type: "probed", job: "job", outcome: notFinite });
  expect(bench.submit(probe, notFinite)).toBe("applied");
  bench.open(0);
  expect(bench.take("w1").slot).toBe(0);
});
