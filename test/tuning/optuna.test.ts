import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Study, type Trial, trialHasEnded } from "../../services/pipeline/study.ts";
import { freePort } from "../helpers/free-port.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { optunaPython } from "../helpers/optuna.ts";
import { openTrainerWorld, type TrainerProcess, type TrainerWorld } from "../helpers/trainer-world.ts";

const root = resolve(import.meta.dirname, "../..");
/** Measured ten times on the way, so that Optuna prunes. */
const teamOf = (steps: number) => `{ model: { hidden: [16] }, batch: 64, steps: ${steps}, search: {
  parameters: { optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true } },
  pruning: { name: median, every: ${steps / 10} } } }`;
/** Trials last long enough to be killed on the way. */
const LONG = 20_000;
const STATES = { COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed" } as const;

interface OptunaTrial {
  readonly state: keyof typeof STATES | "RUNNING";
  readonly value: number | null;
  readonly params: { readonly learning_rate: number; readonly hidden: string; readonly batch: number };
  readonly measured: Readonly<Record<string, number>>;
  readonly ours: number | null;
}

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, `optuna-${++worlds}`);
});
afterEach(() => world.close());

const storage = () => `sqlite:///${join(world.dir, "optuna.db")}`;

/** Starts the example. */
function tune(
  { grpc }: TrainerProcess,
  trials: number,
): { readonly child: ChildProcess; readonly ended: Promise<string> } {
  const script = join(root, "examples/python/tune_with_optuna.py");
  const args = ["--trainer", grpc, "--trials", String(trials), "--storage", storage()];
  const child = spawn(optunaPython, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  const ended = new Promise<string>((done) => child.once("close", (code) => done(`${output}exit ${code}`)));
  return { child, ended };
}

async function told(): Promise<{ readonly study: string; readonly trials: readonly OptunaTrial[] }> {
  const script = join(import.meta.dirname, "optuna_trials.py");
  const { stdout } = await promisify(execFile)(optunaPython, [script, storage(), "uncouple"]);
  return JSON.parse(stdout) as { study: string; trials: OptunaTrial[] };
}

/** Optuna's trials are ours: state, value, parameters and every measurement. */
function expectSame(trials: readonly OptunaTrial[], study: Study): void {
  for (const { state, value, params, measured, ours } of trials) {
    const trial = study.trials[(ours as number) - 1];
    expect(trial).toMatchObject({
      state: STATES[state as keyof typeof STATES],
      value,
      external: true,
      parameters: { "optimizer.learning_rate": params.learning_rate, batch: params.batch },
    });
    expect(Object.fromEntries(trial?.measured.map((one) => [one.step, one.value]) ?? [])).toEqual(measured);
  }
}

test("Optuna chooses the parameters of trials and prunes them; both sides have the same values", async () => {
  const trainer = await world.spawn("m1", { team: teamOf(2_000) });
  const output = await tune(trainer, 12).ended;
  expect(output).toContain("exit 0");
  const { study: id, trials } = await told();
  expect(trials).toHaveLength(12);
  expect(new Set(trials.map(({ state }) => state))).toEqual(new Set(["COMPLETE", "PRUNED"]));
  const study = await trainer.tuning.getStudy(id);
  expect(study.trials).toHaveLength(12);
  expectSame(trials, study);
  expect(await world.backplane.registry.list("m1")).toEqual([]);
});

test("killing Optuna leaves the study intact, and a second call goes on with it", async () => {
  const trainer = await world.spawn("m1", { team: teamOf(LONG) });
  const first = tune(trainer, 6);
  const before = await studyWhere(trainer, ({ trials }) => isOnTheWay(trials[3]));
  first.child.kill("SIGKILL");
  await first.ended;
  const left = await studyWhere(trainer, ({ trials }) => trials.every(trialHasEnded));
  expect(left.trials[3]?.state).toBe("pruned");
  const known = (await told()).trials;
  expect(known[3]?.state).toBe("RUNNING");

  expect(await tune(trainer, 6).ended).toContain("exit 0");
  const { study: id, trials } = await told();
  expect(id).toBe(before.id);
  expect(trials).toHaveLength(6);
  expect(trials.slice(0, 3)).toEqual(known.slice(0, 3));
  expect(trials[3]).toMatchObject({ state: "PRUNED", ours: 4 });
  const study = await trainer.tuning.getStudy(id);
  expect(study.trials).toHaveLength(6);
  expect(study.trials.slice(0, 4)).toEqual(left.trials.slice(0, 4));
  expectSame([...trials.slice(0, 3), ...trials.slice(4)], study);
});

test("a trainer that is killed goes on with the trial that Optuna waits for", async () => {
  const port = await freePort();
  const first = await world.spawn("m1", { team: teamOf(LONG), port });
  const example = tune(first, 5);
  const { id } = await studyWhere(first, ({ trials }) => isOnTheWay(trials[2]));
  await first.end("SIGKILL");
  const second = await world.spawn("m1", { team: teamOf(LONG), port });
  expect(await example.ended).toContain("exit 0");
  const { trials } = await told();
  expect(trials).toHaveLength(5);
  expectSame(trials, await second.tuning.getStudy(id));
});

const isOnTheWay = (trial: Trial | undefined) => trial?.state === "running" && trial.measured.length > 2;

/** The first state of the example's study that satisfies a condition; between trials, a study may be complete. */
async function studyWhere({ tuning }: TrainerProcess, holds: (study: Study) => boolean): Promise<Study> {
  for (;;) {
    const [study] = await tuning.listStudies();
    if (study !== undefined && holds(study)) return study;
    await sleep(20);
  }
}
