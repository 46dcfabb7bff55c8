import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { UncoupleError } from "../../services/pipeline/errors.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { TrainerService, TrainerStatus } from "../../services/rpc/trainer-service.ts";
import { cli } from "../helpers/cli.ts";
import { someRun } from "../helpers/fake-services.ts";
import { serve } from "../helpers/rpc.ts";

const tls = join(import.meta.dirname, "../helpers/tls");

const status = (component: string): TrainerStatus => ({
  pipeline: "tiny",
  component,
  engine: "reference",
  state: "idle",
  run: null,
  queued: 0,
  queueCapacity: 8,
  newest: null,
});

/** A trainer whose one run goes through the given states. */
function trainer(component: string, ...states: readonly Partial<Run>[]): Partial<TrainerService> {
  const run = { ...someRun, component, id: `run-${component}` };
  return {
    status: async () => status(component),
    startRun: async () => ({ ...run, state: "queued" }),
    listRuns: async () => [run],
    async *watchRun() {
      for (const state of states) {
        yield { ...run, ...state };
        await sleep(5);
      }
    },
  };
}

describe("services elsewhere", () => {
  it("are named by flags or by the environment, several of them, and say themselves whose they are", async () => {
    const [m1, m2] = [await serve({ trainer: trainer("m1") }), await serve({ trainer: trainer("m2") })];
    const flags = await cli(["runs", "--json", "--trainer", m1.address, "--trainer", m2.address]);
    expect((JSON.parse(flags.stdout) as Run[]).map(({ id }) => id).sort()).toEqual(["run-m1", "run-m2"]);
    const env = await cli(["runs", "m2", "--json"], { env: { UNCOUPLE_TRAINER: `${m1.address},${m2.address}` } });
    expect((JSON.parse(env.stdout) as Run[]).map(({ id }) => id)).toEqual(["run-m2"]);
    const wrong = await cli(["train", "m3", "--trainer", m1.address]);
    expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining("there are trainers of: m1") });
  });

  it("are spoken to over TLS, with a certificate of one's own where they ask for it", async () => {
    const pem = (name: string) => readFileSync(join(tls, name));
    const server = { certificate: pem("server.pem"), key: pem("server.key"), clientCa: pem("ca.pem") };
    const { address } = await serve({ trainer: trainer("m1") }, { tls: server });
    const args = ["runs", "--json", "--trainer", address, "--tls-ca", "ca.pem"];
    const known = await cli([...args, "--tls-cert", "client.pem", "--tls-key", "client.key"], { cwd: tls });
    expect(known.code).toBe(0);
    const stranger = await cli(args, { cwd: tls });
    expect(stranger).toMatchObject({ code: 7, stdout: "" });
  });
});

describe("following a run", () => {
  const follow = (address: string, ...more: string[]) =>
    cli(["train", "m1", "--follow", "--trainer", address, ...more]);

  it("tells each state once on stderr and the outcome on stdout, with what people should know", async () => {
    const running = { state: "running", step: 50 } as const;
    const { address } = await serve({
      trainer: trainer("m1", { state: "queued" }, running, running, {
        state: "succeeded",
        snapshot: 4,
        warnings: ["the support is narrow"],
      }),
    });
    const { code, stdout, stderr } = await follow(address);
    expect(code).toBe(0);
    expect(stdout).toContain("published m1@4");
    expect(stderr.match(/: running/g)).toHaveLength(1);
    expect(stderr).toContain("warning: the support is narrow");
  });

  it("exits with the reason for which the run failed", async () => {
    const error = { code: "resource-exhausted", message: "the store is full" } as const;
    const { address } = await serve({ trainer: trainer("m1", { state: "failed", error }) });
    const { code, stdout } = await follow(address);
    expect(code).toBe(6);
    expect(stdout).toContain("failed: the store is full");
  });

  it("exits with 130 when somebody cancelled the run", async () => {
    const { address } = await serve({ trainer: trainer("m1", { state: "cancelled" }) });
    expect((await follow(address)).code).toBe(130);
  });

  it("says in a line when the trainer goes away", async () => {
    const { address, server } = await serve({
      trainer: {
        ...trainer("m1"),
        async *watchRun() {
          yield someRun;
          await sleep(60_000, undefined, { ref: false });
        },
      },
    });
    const following = follow(address);
    await sleep(300);
    await server.stop(0);
    const { code, stderr } = await following;
    expect(code).toBe(7);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^uncouple: /);
  });

  it("hands on what the trainer refuses the run for", async () => {
    const { address } = await serve({
      trainer: {
        ...trainer("m1"),
        startRun: () => Promise.reject(new UncoupleError("resource-exhausted", "8 runs wait already; try again later")),
      },
    });
    expect(await follow(address)).toMatchObject({
      code: 6,
      stdout: "",
      stderr: "uncouple: 8 runs wait already; try again later\n",
    });
  });
});
