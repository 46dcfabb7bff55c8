import { afterEach, expect, test } from "vitest";
import { sha256 } from "../../../../services/common/files/digest.ts";
import { recordStep } from "../../../../services/engine/compiler/tracing/record-step.ts";
import { type PackedState, packState } from "../../../../services/engine/interface/packed-state.ts";
import { runningEngine } from "../../../../services/engine/interface/running-engine.ts";
import { packProgram } from "../../../../services/engine/shipped/packed-program.ts";
import type { NumericsRule, UnitResult, UnitTraining } from "../../../../services/learning/units/unit.ts";
import type { UnitLease, WorkerBeat } from "../../../../services/rpc/services/coordinator-service.ts";
import {
  type CoordinatorWorld,
  createWorld,
  RULE,
  smallTraining,
  whileTimePasses,
} from "../../../helpers/coordinated-training.ts";
import { changed, introduce, joinAs, parts, startMemoryWorker, submissionOf } from "../../../helpers/memory-worker.ts";

const never = new AbortController().signal;
const worlds: CoordinatorWorld[] = [];
function world(over: Parameters<typeof createWorld>[0] = {}): CoordinatorWorld {
  const created = createWorld(over);
  worlds.push(created);
  return created;
}
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(({ coordinator }) => coordinator.close()));
});

interface Opened {
  readonly training: UnitTraining;
  readonly initial: PackedState;
  readonly digests: readonly string[];
}

/** Opens a training that the trainer cannot run, so that only workers do, unless the rule says otherwise. */
async function open({ coordinator }: CoordinatorWorld, rule: Partial<NumericsRule> = {}): Promise<Opened> {
  const { program, data, rows, steps, schedule, seed } = smallTraining();
  const recorded = recordStep(program);
  const packed = await packProgram(recorded, program);
  const blobs = [packed];
  const columns: Record<string, string> = {};
  for (const [name, values] of Object.entries(data)) {
    const bytes = new Uint8Array(values.buffer);
    columns[name] = await sha256(bytes);
    blobs.push({ digest: columns[name], bytes });
  }
  const initial = await packState(recorded.initial);
  const job = { program: packed.digest, columns, rows, steps, schedule, learningRate: 0.001, seed };
  const engine = runningEngine("wasm", "selected");
  const waiting = { ...RULE, fallback: "wait", begun: "onnx:cpu/x64-other", ...rule } as const;
  const training = await coordinator.open({ job, blobs, initial, engine, rule: waiting });
  return { training, initial, digests: blobs.map(({ digest }) => digest) };
}

const OTHER = { engines: [{ engine: "wasm", numerics: "onnx:cpu/x64-other" }] };

/** Joins a worker of the class that the training waits for, and answers both of its probes. */
async function admit({ coordinator }: CoordinatorWorld, { initial }: Opened, name = "w1"): Promise<string> {
  const { worker } = await joinAs(coordinator, { ...OTHER, name });
  for (let i = 0; i < 2; i++) {
    const lease = (await coordinator.lease(worker, never)) as UnitLease;
    const result = { state: initial, losses: new Float32Array(lease.count) };
    await coordinator.submit(submissionOf(worker, lease, result), parts(initial.bytes));
  }
  return worker;
}

async function* unread(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error("the bytes were read"));
}

test("a worker of another pipeline, component or version, and any without workers in the team file, is refused with the reason", async () => {
  const { coordinator } = world();
  expect(await coordinator.join(introduce({ pipeline: "other" }))).toEqual({
    refusal: "pipeline",
    reason: "this trainer belongs to pipeline shop, not other",
  });
  expect(await coordinator.join(introduce({ component: "m2" }))).toEqual({
    refusal: "component",
    reason: "this trainer trains component m1, not m2",
  });
  expect(await coordinator.join(introduce({ codeVersion: "2" }))).toMatchObject({ refusal: "version" });
  expect(await world({ enabled: false }).coordinator.join(introduce())).toMatchObject({ refusal: "no-workers" });
  expect(await coordinator.join(introduce({ pipeline: "shop", component: "m1" }))).toEqual({
    worker: "w1-1",
    incarnation: 1,
    pipeline: "shop",
    component: "m1",
    beatMs: 1_000,
    silenceMs: 5_000,
  });
});

test("a call for a unit ends after 20 seconds without one, or when the caller leaves", async () => {
  const { coordinator, clock } = world();
  const { worker } = await joinAs(coordinator);
  async function* beats(): AsyncGenerator<WorkerBeat> {
    for (;;) {
      yield { worker, units: [] };
      await clock.sleep(1_000);
    }
  }
  const beating = coordinator.beat(beats(), never)[Symbol.asyncIterator]();
  expect(await beating.next()).toEqual({ done: false, value: [] });
  let answered = false;
  const asked = coordinator.lease(worker, never).finally(() => {
    answered = true;
  });
  await clock.advance(19_999);
  expect(answered).toBe(false);
  await clock.advance(1);
  expect(await asked).toBeUndefined();
  const leaving = new AbortController();
  const left = coordinator.lease(worker, leaving.signal);
  leaving.abort();
  expect(await left).toBeUndefined();
});

test("a worker that is not known must join", async () => {
  const { coordinator } = world();
  const unknown = { code: "not-found", message: "worker w9 has not joined, or was given up; join again" };
  await expect(coordinator.lease("w9", never)).rejects.toMatchObject(unknown);
  await expect(coordinator.fetch("w9", "00")).rejects.toMatchObject(unknown);
  async function* beats(): AsyncGenerator<WorkerBeat> {
    yield { worker: "w9", units: [] };
  }
  const read = async () => {
    for await (const _ of coordinator.beat(beats(), never));
  };
  await expect(read()).rejects.toMatchObject(unknown);
});

test("a unit whose worker dies is leased to the one that waits, before any time passes", async () => {
  const here = world();
  const opened = await open(here);
  const [dying, waiting] = [await admit(here, opened, "w1"), await joinAs(here.coordinator, { ...OTHER, name: "w2" })];
  const death = new AbortController();
  async function* beats(): AsyncGenerator<WorkerBeat> {
    yield { worker: dying, units: [] };
    await new Promise((_, reject) => death.signal.addEventListener("abort", () => reject(new Error("reset"))));
  }
  const beating = coordinatorBeats(here, beats());
  const probe = (await here.coordinator.lease(waiting.worker, never)) as UnitLease;
  const { initial } = opened;
  await here.coordinator.submit(
    submissionOf(waiting.worker, probe, { state: initial, losses: new Float32Array(probe.count) }),
    parts(initial.bytes),
  );
  const result = opened.training.run({ slot: 0, first: 0, count: 10 }, initial);
  const first = (await here.coordinator.lease(dying, never)) as UnitLease;
  const second = here.coordinator.lease(waiting.worker, never);
  death.abort();
  expect(await second).toMatchObject({ job: first.job, slot: 0, first: 0, count: 10 });
  await beating;
  expect(here.clock.elapsed()).toBe(0);
  expect(here.notes.at(-1)).toMatchObject({ kind: "lost", name: "w1", units: 1 });
  const lease = (await second) as UnitLease;
  const ended: UnitResult = { state: initial, losses: new Float32Array(10) };
  await here.coordinator.submit(submissionOf(waiting.worker, lease, ended), parts(initial.bytes));
  expect(await result).toEqual(ended);
});

async function coordinatorBeats(
  { coordinator }: CoordinatorWorld,
  beats: AsyncIterable<WorkerBeat>,
): Promise<string[]> {
  const abandoned: string[] = [];
  for await (const leases of coordinator.beat(beats, never)) abandoned.push(...leases);
  return abandoned;
}

test("a unit that was granted to a caller who left meanwhile goes to the next at once", async () => {
  const here = world();
  const opened = await open(here);
  const worker = await admit(here, opened);
  const leaving = new AbortController();
  const asked = here.coordinator.lease(worker, leaving.signal);
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, opened.initial);
  expect(here.coordinator.metrics().inFlight).toBe(1);
  leaving.abort();
  expect(await asked).toBeUndefined();
  expect(here.coordinator.metrics()).toMatchObject({ inFlight: 0, waiting: 1, counters: { returned: 1 } });
  const cancelled = expect(running).rejects.toMatchObject({ code: "cancelled" });
  await here.coordinator.close();
  await cancelled;
});

test("bytes are there by digest as long as a training needs them", async () => {
  const here = world();
  const opened = await open(here);
  const worker = await admit(here, opened);
  for (const digest of [...opened.digests, opened.initial.digest]) {
    expect(await sha256((await here.coordinator.fetch(worker, digest)) as Uint8Array)).toBe(digest);
  }
  const later = await changed(opened.initial, (values) => values.fill(2));
  const running = opened.training.run({ slot: 0, first: 10, count: 10 }, later);
  expect(await here.coordinator.fetch(worker, later.digest)).toEqual(later.bytes);
  const lease = (await here.coordinator.lease(worker, never)) as UnitLease;
  await here.coordinator.submit(
    submissionOf(worker, lease, { state: later, losses: new Float32Array(10) }),
    parts(later.bytes),
  );
  await running;
  await expect(here.coordinator.fetch(worker, later.digest)).rejects.toMatchObject({ code: "not-found" });
  await opened.training.close();
  for (const digest of opened.digests) {
    await expect(here.coordinator.fetch(worker, digest)).rejects.toMatchObject({ code: "not-found" });
  }
});

test("a result with other bytes than announced is refused with the reason, and the unit stays open", async () => {
  const here = world();
  const opened = await open(here);
  const worker = await admit(here, opened);
  const { initial } = opened;
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, initial);
  const { bytes } = initial;
  const renamed = new Uint8Array(bytes);
  // Within a name in the header.
  renamed.set([renamed[30] === 97 ? 98 : 97], 30);
  const submit = async (over: object, sent: AsyncIterable<Uint8Array>) => {
    // It pauses after each failure.
    const lease = await whileTimePasses(here.clock, leaseBeating(here, worker));
    const right = submissionOf(worker, lease, { state: initial, losses: new Float32Array(10) });
    const { fate, reason } = await here.coordinator.submit(
      { ...right, outcome: { ...right.outcome, ...over } } as typeof right,
      sent,
    );
    return `${fate}: ${reason}`;
  };
  const size = bytes.length;
  expect(await submit({ size: 12 }, unread())).toBe(
    `refused: the state has 12 bytes, but ${size} at the start of the unit`,
  );
  expect(await submit({}, parts(bytes.subarray(0, size - 5)))).toBe(`refused: only ${size - 5} of ${size} bytes came`);
  expect(await submit({}, parts(new Uint8Array(size + 5)))).toBe(`refused: more than the announced ${size} bytes came`);
  expect(await submit({ digest: "00" }, parts(bytes))).toBe(
    `refused: the bytes have the digest ${initial.digest}, not 00`,
  );
  expect(await submit({ digest: await sha256(renamed) }, parts(renamed))).toBe(
    "refused: the state has other tensors than at the start of the unit",
  );
  expect(await submit({ losses: new Float32Array(9) }, unread())).toBe("refused: 9 losses came for 10 steps");
  expect(here.coordinator.metrics().counters).toMatchObject({ refused: 6, quarantined: 0 });
  expect(await submit({}, parts(bytes))).toBe("applied: ");
  expect((await running).state.digest).toBe(initial.digest);
}, 60_000);

/** Leases a unit while the worker beats. */
async function leaseBeating({ coordinator, clock }: CoordinatorWorld, worker: string): Promise<UnitLease> {
  const stop = new AbortController();
  async function* beats(): AsyncGenerator<WorkerBeat> {
    for (;;) {
      yield { worker, units: [] };
      await clock.sleep(1_000);
    }
  }
  const reading = (async () => {
    for await (const _ of coordinator.beat(beats(), stop.signal));
  })();
  void reading;
  for (;;) {
    const lease = await coordinator.lease(worker, never);
    if (lease !== undefined) return lease;
  }
}

test("bytes are not read where they cannot count: for probes, units that are over, and strangers", async () => {
  const here = world();
  const opened = await open(here);
  const { initial } = opened;
  const { worker } = await joinAs(here.coordinator, OTHER);
  const result = { state: initial, losses: new Float32Array(8) };
  for (let i = 0; i < 2; i++) {
    const probe = (await here.coordinator.lease(worker, never)) as UnitLease;
    expect(await here.coordinator.submit(submissionOf(worker, probe, result), unread())).toMatchObject({
      fate: "applied",
    });
  }
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, initial);
  const lease = (await here.coordinator.lease(worker, never)) as UnitLease;
  const unit = submissionOf(worker, lease, { state: initial, losses: new Float32Array(10) });
  expect(await here.coordinator.submit({ ...unit, worker: "w9-9" }, unread())).toMatchObject({ fate: "stale" });
  expect(await here.coordinator.submit({ ...unit, base: "00" }, unread())).toMatchObject({ fate: "stale" });
  expect(await here.coordinator.submit(unit, parts(initial.bytes))).toMatchObject({ fate: "applied" });
  await running;
  expect(await here.coordinator.submit(unit, unread())).toMatchObject({ fate: "duplicate" });
});

test("a sender that stops in the middle is waited for as long as silence is allowed, and its unit stays open", async () => {
  const here = world();
  const opened = await open(here);
  const worker = await admit(here, opened);
  const { initial, training } = opened;
  const running = training.run({ slot: 0, first: 0, count: 10 }, initial);
  const lease = (await here.coordinator.lease(worker, never)) as UnitLease;
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield initial.bytes.subarray(0, 10);
    await new Promise(() => {});
  }
  const sent = here.coordinator.submit(
    submissionOf(worker, lease, { state: initial, losses: new Float32Array(10) }),
    stuck(),
  );
  const outcome = sent.catch((thrown: unknown) => String(thrown));
  await here.clock.advance(5_000);
  expect(await outcome).toContain("no bytes of the result came for 5 s");
  expect(here.coordinator.metrics()).toMatchObject({ waiting: 1, counters: { applied: 0 } });
  const cancelled = expect(running).rejects.toMatchObject({ code: "cancelled" });
  await here.coordinator.close();
  await cancelled;
});

test("a training that is aborted ends with the reason, and its worker abandons the unit", async () => {
  const here = world();
  const opened = await open(here);
  const worker = await admit(here, opened);
  const stop = new AbortController();
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, opened.initial, stop.signal);
  const lease = (await here.coordinator.lease(worker, never)) as UnitLease;
  async function* beats(): AsyncGenerator<WorkerBeat> {
    yield { worker, units: [{ lease: lease.lease, work: 1 }] };
    await new Promise(() => {});
  }
  const answers = here.coordinator.beat(beats(), never)[Symbol.asyncIterator]();
  expect((await answers.next()).value).toEqual([]);
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  expect((await answers.next()).value).toEqual([lease.lease]);
  expect(here.coordinator.metrics()).toMatchObject({ inFlight: 0, waiting: 0, counters: { leased: 1, stale: 1 } });
});

test("outside the class that began a training, the trainer waits and says for what, or does not begin", async () => {
  const here = world();
  await expect(open(here, { fallback: "local" })).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("the training began in the numerics class onnx:cpu/x64-other"),
  });
  const opened = await open(here, { audit: 1 });
  expect(opened.training.engine).toMatchObject({ name: "onnx:cpu", numerics: "onnx:cpu/x64-other" });
  expect(here.coordinator.waitingFor()).toBeUndefined();
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, opened.initial);
  expect(here.coordinator.waitingFor()).toBe("a worker of numerics class onnx:cpu/x64-other");
  expect(await here.coordinator.listWorkers()).toEqual({ workers: [], waiting: 1 });
  const one = await startMemoryWorker(here.coordinator, here.clock, { ...OTHER, name: "w1" });
  await expect
    .poll(() => here.coordinator.waitingFor(), { timeout: 10_000 })
    .toBe("another worker of numerics class onnx:cpu/x64-other, to run a unit a second time");
  const two = await startMemoryWorker(here.coordinator, here.clock, { ...OTHER, name: "w2" });
  expect((await running).losses).toHaveLength(10);
  expect(here.coordinator.waitingFor()).toBeUndefined();
  expect((await here.coordinator.listWorkers()).workers).toMatchObject([
    { name: "w1", engine: "wasm", numerics: "onnx:cpu/x64-other", unitsDone: 1, unitsRunning: 0, quarantined: false },
    { name: "w2", engine: "wasm", numerics: "onnx:cpu/x64-other", unitsDone: 1, unitsRunning: 0, quarantined: false },
  ]);
  await Promise.all([one.kill(), two.kill()]);
});

test("closing ends every wait", async () => {
  const here = world();
  const opened = await open(here);
  const { worker } = await joinAs(here.coordinator);
  const running = opened.training.run({ slot: 0, first: 0, count: 10 }, opened.initial);
  const failed = expect(running).rejects.toMatchObject({ code: "cancelled", message: "the trainer is stopping" });
  const asked = here.coordinator.lease(worker, never);
  async function* beats(): AsyncGenerator<WorkerBeat> {
    yield { worker, units: [] };
    await new Promise(() => {});
  }
  const beating = coordinatorBeats(here, beats());
  await here.clock.advance(10);
  await here.coordinator.close();
  expect(await asked).toBeUndefined();
  expect(await beating).toEqual([]);
  await failed;
  expect(here.clock.pending).toBe(0);
  await expect(here.coordinator.join(introduce())).rejects.toMatchObject({ code: "unavailable" });
});
