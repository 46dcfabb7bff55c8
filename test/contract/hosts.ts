import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Table } from "../../services/data/table/table.ts";
import { createInference, type InferenceSettings } from "../../services/inference/client/create-inference.ts";
import type { HostConnection, HostConnector } from "../../services/inference/connect/host-connector.ts";
import { loadHosted, modelOfBytes } from "../../services/inference/hosted-model.ts";
import {
  type DeathCause,
  type HostedModel,
  type Inference,
  InferenceDeath,
  StageFault,
} from "../../services/inference/inference.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import { denseBytes, heldOutOf, oracleOf, twoStage } from "../helpers/dense-snapshots.ts";
import { centering, doubling, greedy, oneToOne, slow } from "../helpers/expensive-models.ts";
import { hostProcesses } from "../helpers/host-processes.ts";

/** A way to start hosts. */
export interface HostImplementation {
  readonly name: string;
  /** @param memoryBytes most memory of a host */
  start(memoryBytes: number): Promise<{ readonly connector: HostConnector; stop(): Promise<void> }>;
}

const MEMORY = 700 * 1024 ** 2;

/** Where this process would read a secret. A host with its rights could read the file, if it knew of it. */
const CREDENTIALS = "/run/secrets/canary.creds";

const table = (rows: number): Table => ({
  rows,
  columns: { x: { kind: "numeric", width: 1, values: Float32Array.from({ length: rows }, (_, row) => row / rows) } },
});

/** Tests what hosts promise their clients, on an implementation. */
export function hostContract(implementation: HostImplementation): void {
  describe(`${implementation.name}`, () => {
    let hosts: Awaited<ReturnType<HostImplementation["start"]>>;
    const connections: HostConnection[] = [];
    const recorded: HostConnector = {
      async connect() {
        const connection = await hosts.connector.connect();
        connections.push(connection);
        return connection;
      },
    };
    let deaths: DeathCause[] = [];
    const opened: Inference[] = [];
    const open = (change: Partial<InferenceSettings> = {}): Inference => {
      const settings = { hosts: 1, timeoutSeconds: 60, memoryBytes: MEMORY, ...change };
      const onDeath = (cause: DeathCause) => void deaths.push(cause);
      const inference = createInference(settings, { connector: recorded, clock: systemClock, onDeath });
      opened.push(inference);
      return inference;
    };
    let inference: Inference;
    beforeAll(async () => {
      vi.stubEnv("UNCOUPLE_NATS_CREDENTIALS", CREDENTIALS);
      hosts = await implementation.start(MEMORY);
      inference = open();
    });
    afterAll(async () => {
      await Promise.all(opened.map((one) => one.close()));
      await hosts.stop();
      expect(hostProcesses()).toEqual([]);
      vi.unstubAllEnvs();
    });

    async function fault(work: Promise<unknown>): Promise<StageFault> {
      const thrown = await work.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(thrown).toBeInstanceOf(StageFault);
      return thrown as StageFault;
    }

    test("a model predicts the same bits in a host as in this process, in WebAssembly and in ONNX Runtime", async () => {
      const heldOut = await heldOutOf(twoStage);
      const contract = {
        inputs: [{ name: "x1", kind: "numeric", width: 5 }],
        output: { name: "z", kind: "numeric", width: 3 },
      } as const;
      const width = heldOut.columns.x1?.width as number;
      const own = { ...contract, inputs: [{ ...contract.inputs[0], width }] };
      for (const [bytes, of, rows] of [
        [denseBytes(oracleOf("m1"), "z"), own, heldOut],
        [slow(1, 64), oneToOne, table(10_000)],
      ] as const) {
        const here = await loadSnapshotModel(bytes, of);
        const there = await loadHosted(inference, modelOfBytes("m1@1", bytes, of));
        expect(await there.predict(rows)).toEqual(await here.predict(rows));
      }
    });

    test("a model that is not one, or does not fit, is refused with its reason when it is loaded", async () => {
      const load = (bytes: Uint8Array, contract = oneToOne) =>
        loadHosted(inference, modelOfBytes("m", bytes, contract));
      expect(await fault(load(new TextEncoder().encode("not a model")))).toMatchObject({
        reason: "malformed-model",
        loaded: false,
        message: expect.stringContaining("not a valid ONNX model"),
      });
      const wide = { ...oneToOne, output: { ...oneToOne.output, width: 2 } };
      expect(await fault(load(doubling(), wide))).toMatchObject({ reason: "wrong-output", loaded: false });
    });

    test("a model in which rows leak into each other is refused after its first pass", async () => {
      const model = await loadHosted(inference, modelOfBytes("m", centering(), oneToOne));
      expect(await fault(model.predict(table(1000)))).toMatchObject({ reason: "not-row-wise", loaded: true });
    });

    test("columns, outputs and models are sent once and kept, within the limit", async () => {
      let read = 0;
      const keeping = open();
      const bytes = doubling();
      const model = {
        ...modelOfBytes("m", bytes, oneToOne),
        bytes: async () => {
          read += 1;
          return bytes;
        },
      };
      const { x } = table(5000).columns;
      const passes: number[] = [];
      const run = async (stages: number) => {
        const chain = Array.from({ length: stages }, (_, index) => ({
          model,
          inputs: { x: index === 0 ? { column: x as NonNullable<typeof x> } : { stage: index - 1 } },
          output: { name: "y", width: 1, meaning: "scalar" },
        })) as never;
        const plan = { rows: 5000, stages: chain, wanted: [stages - 1], keep: true };
        const [values] = await keeping.run(plan, { onPass: (stage) => passes.push(stage) });
        return values?.[4999];
      };
      expect(await run(2)).toBeCloseTo((4 * 4999) / 5000, 5);
      expect(await run(3)).toBeCloseTo((8 * 4999) / 5000, 5);
      expect(passes).toEqual([0, 1, 2]);
      expect(read).toBe(1);
      expect(keeping.heldBytes()).toMatchObject({ columns: 20_000, outputs: 60_000 });
    });

    test("a model that takes too long is killed, and the next call is served", async () => {
      const hasty = open({ timeoutSeconds: 3 });
      deaths = [];
      const { x } = table(4096).columns;
      const inputs = { x: { column: x as NonNullable<typeof x> } };
      const model = modelOfBytes("m", slow(3000, 256), oneToOne);
      const plan = { rows: 4096, stages: [{ model, inputs }], wanted: [0], keep: false };
      const thrown = await fault(hasty.run(plan));
      expect(thrown).toMatchObject({ reason: "too-expensive", loaded: true, cause: expect.any(InferenceDeath) });
      expect(thrown.message).toMatch(/did not finish .*within the limit of 3 s \(--inference-timeout\)/);
      // Its host had done nothing else.
      expect(deaths).toEqual(["deadline"]);
      const next = await loadHosted(hasty, modelOfBytes("n", doubling(), oneToOne));
      expect((await next.predict(table(2)))[1]).toBe(1);
    });

    test("a model that takes too much memory is killed, and the next call is served", async () => {
      deaths = [];
      const model = await loadHosted(inference, modelOfBytes("m", greedy(60_000), oneToOne));
      const thrown = await fault(model.predict(table(4096)));
      expect(thrown).toMatchObject({ reason: "too-expensive", cause: expect.any(InferenceDeath) });
      expect(thrown.message).toMatch(/needs more than the 700 MiB of --inference-memory/);
      // Once in the host that had loaded it, once alone in a fresh one.
      expect(deaths).toEqual(["memory", "memory"]);
      const next = await loadHosted(inference, modelOfBytes("n", doubling(), oneToOne));
      expect((await next.predict(table(2)))[1]).toBe(1);
    });

    test("a host that is killed in the middle of a call costs the call nothing but time", async () => {
      deaths = [];
      const { x } = table(8192).columns;
      const inputs = { x: { column: x as NonNullable<typeof x> } };
      const plan = {
        rows: 8192,
        stages: [{ model: modelOfBytes("m", slow(100, 256), oneToOne), inputs }],
        wanted: [0],
        keep: true,
      };
      let passes = 0;
      await loadHosted(inference, plan.stages[0]?.model as HostedModel);
      const [values] = await inference.run(plan, {
        onPass() {
          passes += 1;
          if (passes === 1) connections.at(-1)?.kill();
        },
      });
      expect(values?.[8191]).toBeCloseTo(8191 / 8192, 5);
      expect(deaths).toEqual(["crash"]);
      expect(passes).toBe(2);
    });

    test("a call that is cancelled ends at once, and the next is served", async () => {
      const leaving = new AbortController();
      const model = await loadHosted(inference, modelOfBytes("m", slow(1000, 256), oneToOne), leaving.signal);
      const predicting = model.predict(table(4096));
      await systemClock.sleep(100);
      leaving.abort(new Error("leaving"));
      await expect(predicting).rejects.toThrow("leaving");
      const next = await loadHosted(inference, modelOfBytes("n", doubling(), oneToOne));
      expect((await next.predict(table(2)))[1]).toBe(1);
    });

    test("a host has no environment, no files but its pipes, an empty folder, and no word of where secrets are", async () => {
      await loadHosted(inference, modelOfBytes("n", doubling(), oneToOne));
      const pids = hostProcesses();
      expect(pids.length).toBeGreaterThan(0);
      for (const pid of pids) {
        // The shell that sets the limits adds its own working directory.
        const names = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
        expect(
          names
            .map((one) => one.split("=")[0])
            .filter((name) => !["PWD", "OLDPWD", "_", "ORT_DISABLE_TELEMETRY"].includes(name as string)),
        ).toEqual([]);
        for (const told of ["cmdline", "environ", "maps"]) {
          expect(readFileSync(`/proc/${pid}/${told}`, "utf8")).not.toContain(CREDENTIALS);
        }
        const folder = readlinkSync(`/proc/${pid}/cwd`);
        expect(folder).toMatch(/uncouple-host-/);
        expect(readdirSync(folder)).toEqual([]);
        const open = readdirSync(`/proc/${pid}/fd`).map(
          (fd) => [Number(fd), readlinkSync(`/proc/${pid}/fd/${fd}`)] as const,
        );
        for (const [fd, target] of open) {
          if (fd <= 2) expect(target).toMatch(/^(socket|pipe):|^\/dev\/null$/);
          else expect(target).toMatch(/^(anon_inode|pipe):|^\/dev\/null$/);
        }
      }
    });
  });
}
