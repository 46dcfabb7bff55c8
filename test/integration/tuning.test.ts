import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataSource } from "../../services/data/open-data-source.ts";
import type { NumericColumn } from "../../services/data/table/table.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Run } from "../../services/pipeline/run.ts";
import { bestTrial, type Trial } from "../../services/pipeline/study.ts";
import { cli } from "../helpers/cli.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOfStudy, found, studyThat } from "../helpers/studies.ts";
import { endOf, openTrainerWorld, type TrainerOfTest, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let m1: TrainerOfTest;
beforeAll(async () => {
  nats = await startTestNats();
  world = await openTrainerWorld(nats.url, "tuning");
  m1 = await world.trainer("m1", { team: TEAM });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

const PARAMETERS = `parameters: {
  optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true },
  model.hidden: { choices: [[], [8], [16]] } }`;
const teamOf = (search: string, more = "") =>
  `{ model: { hidden: [8] }, batch: 32, steps: 160, search: { ${search} }${more} }`;
const TEAM = teamOf(`${PARAMETERS}, pruning: { name: halving, factor: 2, first: 20 }`);

const never = new AbortController().signal;
const published = async (component: string) => (await world.backplane.registry.list(component)).length;

/** Waits for a run of m1. @returns the manifest of its snapshot */
async function snapshotOf({ id }: Pick<Run, "id">) {
  const { snapshot } = await endOf(m1.client, id);
  return world.backplane.registry.manifest("m1", snapshot ?? 0);
}

describe("a study", () => {
  test("has the same trials however many run at a time, and publishes nothing; its best trial can be trained in full", async () => {
    const { client, tuning } = m1;
    const one = await endOfStudy(tuning, (await tuning.startStudy({ trials: 8 })).id);
    expect(one).toMatchObject({ state: "complete", rows: { fit: 792, validation: 204 }, wanted: 8, error: null });
    expect(new Set(one.trials.map(({ state }) => state))).toEqual(new Set(["complete", "pruned"]));
    const many = await endOfStudy(tuning, (await tuning.startStudy({ trials: 8, parallel: 3 })).id);
    expect(found(many)).toEqual(found(one));
    expect(await published("m1")).toBe(0);

    const best = bestTrial(one) as Trial;
    const run = await client.startRun({ tuning: { study: one.id, trial: best.trial } });
    const { provenance } = await snapshotOf(run);
    expect(provenance).toMatchObject({
      tuning: { study: one.id, trial: best.trial },
      optimizer: { learningRate: best.parameters["optimizer.learning_rate"] },
      data: { rows: 996 },
    });
    const pruned = one.trials.find(({ state }) => state === "pruned") as Trial;
    await expect(client.startRun({ tuning: { study: one.id, trial: pruned.trial } })).rejects.toMatchObject({
      code: "failed-precondition",
    });
  });

  test("can be extended, which leaves its first trials as they are, and stopped, after which it goes on", async () => {
    const { tuning } = m1;
    const whole = await endOfStudy(tuning, (await tuning.startStudy({ trials: 6 })).id);
    const { id } = await tuning.startStudy({ trials: 3 });
    const first = await endOfStudy(tuning, id);
    expect(found(first)).toEqual(found(whole).slice(0, 3));
    await tuning.extendStudy({ id, trials: 6 });
    await studyThat(tuning, id, ({ trials }) => trials.length > 3);
    const stopped = await tuning.stopStudy(id);
    expect(["stopped", "complete"]).toContain(stopped.state);
    await tuning.extendStudy({ id, trials: 6 });
    const last = await endOfStudy(tuning, id);
    expect(last.state).toBe("complete");
    expect(found(last)).toEqual(found(whole));
  });

  test("trains all trials on the snapshots that it pinned", async () => {
    const { serial } = await snapshotOf(await m1.client.startRun({}));
    const m2 = await world.trainer("m2", { team: TEAM });
    const { id } = await m2.tuning.startStudy({ trials: 4 });
    await studyThat(m2.tuning, id, ({ rows }) => rows !== null);
    await snapshotOf(await m1.client.startRun({ teamFile: "component: m1\nmodel: linear\nsteps: 20\n" }));
    const study = await endOfStudy(m2.tuning, id);
    expect(study.upstream).toEqual({ m1: serial });
    expect(await published("m2")).toBe(0);
    const other = await endOfStudy(m2.tuning, (await m2.tuning.startStudy({ trials: 4 })).id);
    expect(other.upstream).toEqual({ m1: serial + 1 });
    expect(found(other)).not.toEqual(found(study));
  });

  test("never looks at held-out rows: other values in all of them change no bit of any trial", async () => {
    const rows = Array.from({ length: 400 }, (_, id) => ({ id, x: (id * 37) % 100, z: ((id * 37) % 100) / 50 - 1 }));
    const csv = (change: (row: (typeof rows)[number]) => (typeof rows)[number]) =>
      `id,x,z\n${rows
        .map(change)
        .map(({ id, x, z }) => `${id},${x},${z}`)
        .join("\n")}\n`;
    const path = join(world.dir, "rows.csv");
    const spec = { source: "file", path, maxBadFraction: 0, key: "id", testFraction: 0.5 } as const;
    await writeFile(
      path,
      csv((row) => row),
    );
    const source = await openDataSource(spec, world.dir);
    const { table } = await source.heldOutRows(["id"]);
    await source.close();
    const heldOut = new Set((table.columns.id as NumericColumn).values);
    expect(heldOut.size).toBeGreaterThan(100);
    const files = await openTrainerWorld(nats.url, "tuning-files", {
      data: `{ source: file, path: ${path}, key: id, test_fraction: 0.5 }`,
      components: "\n  m1: { columns: [x], output: { name: z, width: 1, meaning: scalar }, target: z, loss: mse }\n",
    });
    try {
      const { tuning } = await files.trainer("m1", { team: TEAM });
      const study = async () => endOfStudy(tuning, (await tuning.startStudy({ trials: 3 })).id);
      const before = await study();
      expect(before.trials.map(({ value }) => value)).toContainEqual(expect.any(Number));
      await writeFile(
        path,
        csv((row) => (heldOut.has(row.id) ? { ...row, x: 1e6, z: -1e6 } : row)),
      );
      expect(found(await study())).toEqual(found(before));
      // The same change to one training row is seen.
      const one = rows.find(({ id }) => !heldOut.has(id))?.id;
      await writeFile(
        path,
        csv((row) => (row.id === one ? { ...row, x: 1e6, z: -1e6 } : row)),
      );
      expect(found(await study())).not.toEqual(found(before));
    } finally {
      await files.close();
    }
  });

  test("ends a trial that has stopped improving at its best step, and a run of it ends there, too", async () => {
    const search = `parameters: { optimizer.learning_rate: { choices: [0.05] } }, pruning: none, stop_early: { patience: 2, every: 30 }`;
    const teamFile = `{ component: m1, model: { hidden: [32] }, batch: 16, steps: 3000, search: { ${search} } }`;
    const study = await endOfStudy(m1.tuning, (await m1.tuning.startStudy({ trials: 1, teamFile })).id);
    const [trial] = study.trials as [Trial];
    expect(trial.state).toBe("stopped");
    const at = trial.measured.findIndex(({ step }) => step === trial.steps);
    expect(trial.measured.slice(at).length).toBe(3);
    expect(trial.value).toBe(Math.min(...trial.measured.map(({ value }) => value)));
    const run = await m1.client.startRun({ tuning: { study: study.id, trial: 1 } });
    const { provenance } = await snapshotOf(run);
    expect(await m1.client.getRun(run.id)).toMatchObject({ step: trial.steps, steps: 3000 });
    expect(provenance).toMatchObject({ steps: 3000, stopAfter: trial.steps });
  });

  test("runs the trials of a sampler outside, which may end them", async () => {
    const { tuning } = m1;
    const { id } = await tuning.startStudy({ trials: 0 });
    const told: Trial[] = [];
    for await (const trial of tuning.runTrial(id, { "optimizer.learning_rate": 0.02, steps: 80 }, never))
      told.push(trial);
    expect(told.at(-1)).toMatchObject({ trial: 1, state: "complete", steps: 80, external: true });
    expect(told.at(-1)?.measured.map(({ step }) => step)).toEqual([20, 40]);

    const pruning = new AbortController();
    const long = { "optimizer.learning_rate": 0.02, steps: 1_000_000, batch: 64 };
    for await (const trial of tuning.runTrial(id, long, pruning.signal)) {
      if (trial.measured.length >= 2) pruning.abort();
    }
    const study = await studyThat(tuning, id, ({ trials }) => trials[1]?.state === "pruned");
    expect(study.trials[1]?.value).toBe(study.trials[1]?.measured.at(-1)?.value);

    const bad = async (parameters: Record<string, number>) => {
      for await (const _ of tuning.runTrial(id, parameters, never));
    };
    await expect(bad({ batch: 0 })).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(bad({ "workers.slots": 2 })).rejects.toThrow("workers.slots is not a key that a search can set");
    // A trial that fails does not end the study.
    const failed: Trial[] = [];
    const rate = { "optimizer.learning_rate": 1000, "optimizer.name": "sgd" };
    for await (const trial of tuning.runTrial(id, rate, never)) failed.push(trial);
    expect(failed.at(-1)).toMatchObject({ state: "failed", error: { code: "failed-precondition" } });
    await tuning.stopStudy(id);
  });
});

describe("uncouple tune", () => {
  test("shows progress, prints the study, writes the best parameters, publishes, and attaches again", async () => {
    const address = `127.0.0.1:${m1.grpcPort}`;
    const file = join(world.dir, "own.yaml");
    const text = "component: m1   # ours\nmodel: linear\noptimizer: { name: adam }  # rate\nbatch:  32\nsteps: 160\n";
    await writeFile(file, text);
    const args = ["tune", "m1", "--trainer", address];
    const first = await cli([...args, "--trials", "4", "--json", "--write", "own.yaml", "--publish"], {
      cwd: world.dir,
    });
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("published m1@") });
    const result = JSON.parse(first.stdout) as {
      study: string;
      best: { trial: number; parameters: { "model.hidden": number[]; "optimizer.learning_rate": number } };
      trials: object[];
    };
    expect(Object.keys(result)).toEqual(["study", "best", "trials"]);
    expect(Object.keys(result.best)).toEqual(["trial", "value", "parameters"]);
    expect(result.trials).toHaveLength(4);
    expect(Object.keys(result.trials[0] as object)).toEqual([
      "trial",
      "state",
      "value",
      "parameters",
      "steps",
      "seconds",
    ]);
    const { parameters } = result.best;
    const hidden = parameters["model.hidden"].join(", ");
    expect(await readFile(file, "utf8")).toBe(
      text
        .replace("model: linear", `model: { hidden: [${hidden}] }`)
        .replace("adam }", `adam, learning_rate: ${parameters["optimizer.learning_rate"]} }`),
    );
    const { provenance } = (await world.backplane.registry.latest("m1")) as SnapshotManifest;
    expect(provenance.tuning).toEqual({ study: result.study, trial: result.best.trial });

    const more = await cli([...args, "--study", result.study, "--trials", "6"]);
    expect(more.stdout).toContain(`study ${result.study} of m1: complete`);
    expect(more.stderr).toContain("trial 5: ");
    const list = await cli(["studies", "m1", "--json", "--trainer", address]);
    expect((JSON.parse(list.stdout) as { study: string; trials: object[] }[])[0]).toMatchObject({
      study: result.study,
    });
    expect(await cli(args)).toMatchObject({ code: 2, stderr: expect.stringContaining("start one with --trials N") });
  });

  test("fails if no trial was complete, and says where the reasons are", async () => {
    const search = "parameters: { optimizer.learning_rate: { choices: [1000] } }, pruning: none";
    await writeFile(
      join(world.dir, "diverging.yaml"),
      `component: m1\nmodel: { hidden: [8] }\noptimizer: { name: sgd, learning_rate: 0.1 }\nsteps: 200\nsearch: { ${search} }\n`,
    );
    const args = ["tune", "m1", "--trials", "2", "--team", "diverging.yaml", "--trainer", `127.0.0.1:${m1.grpcPort}`];
    const { code, stdout, stderr } = await cli(args, { cwd: world.dir });
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: expect.stringMatching(
        /no trial of study \S+ was complete, .*; uncouple studies m1 \S+ says why each trial failed\n$/,
      ),
    });
    expect(stdout).toContain("failed");
  });

  test("says how to attach again when the trainer goes away", async () => {
    const own = await world.trainer("m1", { team: TEAM, stateDir: join(world.dir, "leaving") });
    let stopping: Promise<void> | undefined;
    const onStderr = (text: string) => {
      if (text.startsWith("trial 1: ")) stopping ??= own.stop();
    };
    const args = ["tune", "m1", "--trials", "5000", "--trainer", `127.0.0.1:${own.grpcPort}`];
    const left = await cli(args, { onStderr });
    await stopping;
    expect(left).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/once the trainer is back, attach again with uncouple tune m1 --study [\w-]+\n$/),
    });
  });
});
