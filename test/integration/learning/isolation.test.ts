import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { sha256 } from "../../../services/common/files/digest.ts";
import { createSyntheticSource } from "../../../services/data/synthetic/synthetic-source.ts";
import type { Table } from "../../../services/data/table/table.ts";
import { trainerData } from "../../../services/data/visibility.ts";
import { engineNamed } from "../../../services/engine/create-engine.ts";
import { twoStagePipeline } from "../../../services/experiments/paper/two-stage.ts";
import { trainComponent } from "../../../services/learning/component/train-component.ts";
import type { ComponentTraining } from "../../../services/learning/component/training-backend.ts";
import { createIsolatingBackend } from "../../../services/learning/isolation/isolating-backend.ts";
import { loadUserModel } from "../../../services/learning/programs/user-model.ts";
import type { TrainingCheckpoint } from "../../../services/learning/training/training-progress.ts";
import { createLocalRunner } from "../../../services/learning/units/local-runner.ts";
import type { TeamConfig } from "../../../services/pipeline/team.ts";
import { writeModelModule } from "../../helpers/model-modules.ts";
import { gone } from "../../helpers/spawn-cli.ts";
import { team } from "../../helpers/teams.ts";

const pipeline = twoStagePipeline(3, 600);
const host = {
  pid: process.pid,
  env: { ...process.env, NATS_URL: "nats://user:secret@nats:4222", NODE_OPTIONS: "--max-old-space-size=160" },
  kill: process.kill.bind(process),
};
const backend = createIsolatingBackend(host, { clock: systemClock, answerSeconds: 0.3 });
const engine = engineNamed("onnx:cpu", systemClock);
let folder: string;
let table: Table;
let modules = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-isolation-"));
  ({ table } = (await trainerData(createSyntheticSource(pipeline.data), pipeline, "m1")).training);
});
afterAll(() => rm(folder, { recursive: true }));

const writeModule = (texts: Parameters<typeof writeModelModule>[1] = {}) =>
  writeModelModule(join(folder, `module-${++modules}`), texts);

function trainingOf(path: string, change: Partial<TeamConfig> = {}): ComponentTraining {
  const config = team({ component: "m1", model: { kind: "module", path }, steps: 40, ...change });
  return { pipeline, team: config, table, upstream: {}, engine };
}

/** Process ids that a module prints as `pid 123`. */
function pidsIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => /^pid (\d+)/.exec(line)?.[1] ?? []).map(Number);
}

describe("a user's model module", () => {
  test("is looked at on the way in its process, with units and without, and ends where a look or stop_after says", async () => {
    const path = await writeModule();
    const workers = { slots: 1, syncEvery: 7, audit: 0, numerics: "exact", fallback: "local" } as const;
    const looking = async (change: Partial<TeamConfig>, end?: number) => {
      const seen: [number, string][] = [];
      const looks = {
        at: [10, 20, 30],
        async look(step: number, bytes: Uint8Array) {
          seen.push([step, await sha256(bytes)]);
          return step !== end;
        },
      };
      const trained = await backend.train({ ...trainingOf(path, change), looks });
      return { seen, end: await sha256(trained.bytes) };
    };
    const whole = await looking({});
    expect(whole.seen.map(([step]) => step)).toEqual([10, 20, 30]);
    expect(whole.end).toBe(await sha256((await backend.train(trainingOf(path))).bytes));
    const ended = { seen: whole.seen.slice(0, 2), end: whole.seen[1]?.[1] };
    expect(await looking({}, 20)).toEqual(ended);
    expect(await looking({ workers }, 20)).toEqual(ended);
    const stopped = { seen: whole.seen.slice(0, 1), end: whole.seen[1]?.[1] };
    expect(await looking({ stopAfter: 20 })).toEqual(stopped);
    expect(await looking({ stopAfter: 20, workers })).toEqual(stopped);
  });

  test("with workers in the team file, its units run outside of its process, to the bits of one that runs them itself", async () => {
    const path = await writeModule();
    const training = trainingOf(path, {
      steps: 100,
      workers: { slots: 3, syncEvery: 30, audit: 0, numerics: "exact", fallback: "local" },
    });
    const whole = await trainComponent(
      { ...training, engine: engineNamed("auto", systemClock) },
      await loadUserModel(path),
    );
    const steps: number[] = [];
    const units: string[] = [];
    const local = createLocalRunner(systemClock);
    const isolated = await backend.train({
      ...training,
      engine: engineNamed("auto", systemClock),
      units: {
        async open(request) {
          const opened = await local.open(request);
          return {
            ...opened,
            run(unit, state, signal) {
              units.push(`${unit.first}+${unit.count} of slot ${unit.slot}`);
              return opened.run(unit, state, signal);
            },
          };
        },
      },
      onProgress: ({ step }) => {
        steps.push(step);
      },
    });
    expect(steps).toEqual([30, 60, 90, 100]);
    expect(units).toHaveLength(12);
    expect(units.at(-1)).toBe("90+10 of slot 2");
    expect(Buffer.from(isolated.bytes).equals(whole.bytes)).toBe(true);
    expect(isolated).toMatchObject({ engine: "wasm", numerics: "wasm", loss: whole.loss });
  });

  test.each([engine, engineNamed("wasm", systemClock)])(
    "trains on $name in a separate process to the same bits as in this one, even if stopped and resumed",
    async (engine) => {
      const path = await writeModule({
        prelude: 'if (process.send === undefined) console.log("pid", process.pid, JSON.stringify(process.env));',
      });
      const training = { ...trainingOf(path, { steps: 400 }), engine };
      const whole = await trainComponent(training, await loadUserModel(path));
      const stop = new AbortController();
      const lines: string[] = [];
      let last: TrainingCheckpoint | undefined;
      const stopped = backend.train({
        ...training,
        signal: stop.signal,
        onOutput: (line) => lines.push(line),
        onProgress: async (progress) => {
          if (progress.step < 100) return;
          stop.abort(new UncoupleError("cancelled", "stopped by a test"));
          last = await progress.checkpoint();
          expect(last.step).toBe(progress.step);
        },
      });
      await expect(stopped).rejects.toThrow("stopped by a test");
      expect(last?.step).toBeLessThan(400);
      expect(pidsIn(lines)).toHaveLength(1);
      expect(pidsIn(lines)).not.toContain(process.pid);
      await gone(pidsIn(lines));
      expect(lines[0]).toContain('"PATH":');
      expect(lines[0]).not.toContain("secret");
      const steps: number[] = [];
      const resumed = await backend.train({
        ...training,
        resume: last as TrainingCheckpoint,
        onProgress: ({ step }) => void steps.push(step),
      });
      expect(steps[0]).toBeGreaterThan(last?.step as number);
      expect(steps.at(-1)).toBe(400);
      expect(resumed).toEqual(whole);
      expect(resumed.engine).toBe(engine.name);
    },
  );

  test("under auto, trains on the engine that the trainer's process would choose, and reports it before the first step", async () => {
    const path = await writeModule();
    const training = { ...trainingOf(path), engine: engineNamed("auto", systemClock) };
    const events: unknown[] = [];
    const trained = await backend.train({
      ...training,
      onStart: ({ name, numerics, reason }) => void events.push({ name, numerics, reason }),
      onProgress: () => void events.push("progress"),
    });
    const inProcess = await trainComponent(training, await loadUserModel(path));
    expect(trained).toEqual(inProcess);
    expect(trained).toMatchObject({ engine: "wasm", numerics: "wasm" });
    expect(events.slice(0, 2)).toEqual([{ name: "wasm", numerics: "wasm", reason: "estimate" }, "progress"]);
  });

  test("keeps the reason for which its trainer's engine was chosen", async () => {
    const path = await writeModule();
    const reasons: string[] = [];
    // As auto creates an engine on a machine with a GPU.
    const engine = engineNamed("onnx:cpu", systemClock, "gpu");
    await backend.train({
      ...trainingOf(path, { steps: 2 }),
      engine,
      onStart: ({ reason }) => void reasons.push(reason),
    });
    expect(reasons).toEqual(["gpu"]);
  });

  test("frees its memory after every run, and the next run uses edited helpers", async () => {
    const prelude = "export const held = new Float32Array(40_000_000).fill(1);";
    const path = await writeModule({ prelude });
    const sizes: number[] = [];
    const training = { ...trainingOf(path, { steps: 2 }), engine: engineNamed("reference", systemClock) };
    const run = async () => sizes.push((await backend.train(training)).bytes.length);
    await run();
    const before = process.memoryUsage.rss();
    await writeModelModule(join(path, ".."), { prelude, width: 40 });
    await run();
    // Loaded in this process, the module would hold another 160 MB by now.
    expect(process.memoryUsage.rss() - before).toBeLessThan(80_000_000);
    expect(sizes[1]).toBeGreaterThan(sizes[0] as number);
  });

  test.each([
    ["exits its process", { prelude: "process.exit(3);" }, "invalid-argument", /its process exited with code 3/],
    [
      "throws outside of a call",
      {
        prelude: 'setTimeout(() => { throw new Error("a late fault"); }, 1);',
        inLoss: "for (const end = Date.now() + 50; Date.now() < end; );",
      },
      "invalid-argument",
      /uncaught error outside of buildModel and loss: a late fault/,
    ],
    [
      "allocates memory without bound",
      { prelude: "const all = []; for (;;) all.push(new Array(100_000).fill({}));" },
      "resource-exhausted",
      /its process was killed by SIGABRT, probably out of memory/,
    ],
  ])("that %s fails its run with a clear error", async (_what, texts, code, message) => {
    const path = await writeModule(texts);
    const lines: string[] = [];
    const failure = await backend
      .train({
        ...trainingOf(path),
        engine: engineNamed("reference", systemClock),
        onOutput: (line) => lines.push(line),
      })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((failure as Error).message).toContain(`model module ${path}: `);
    if (code === "resource-exhausted") expect(lines.join("\n")).toContain("JavaScript heap out of memory");
  });

  test("that loops forever is killed on cancel, together with the processes that it started", async () => {
    const path = await writeModule({
      prelude: `
        import { spawn } from "node:child_process";
        console.log("pid", process.pid);
        console.log("pid", spawn("sleep", ["1000"]).pid);
        for (;;);`,
    });
    const cancel = new AbortController();
    const lines: string[] = [];
    const reason = new UncoupleError("cancelled", "the run was cancelled");
    const training = backend.train({
      ...trainingOf(path),
      signal: cancel.signal,
      onOutput: (line) => {
        lines.push(line);
        if (pidsIn(lines).length === 2) cancel.abort(reason);
      },
    });
    await expect(training).rejects.toBe(reason);
    await gone(pidsIn(lines));
  });

  test("that does not finish its chunk is killed once the grace period is over", async () => {
    const path = await writeModule({ prelude: "let calls = 0;", inLoss: "if (++calls > 20) for (;;);" });
    const cancel = new AbortController();
    const reason = new UncoupleError("cancelled", "the run was cancelled");
    const steps: number[] = [];
    const training = backend.train({
      ...trainingOf(path, { steps: 1000 }),
      engine: engineNamed("reference", systemClock),
      signal: cancel.signal,
      onProgress: ({ step }) => {
        if (steps.push(step) === 1) setTimeout(() => cancel.abort(reason), 100);
      },
    });
    await expect(training).rejects.toBe(reason);
    expect(steps.at(-1)).toBeLessThan(21);
  });
});
