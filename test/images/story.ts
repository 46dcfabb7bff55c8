import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../helpers/container-engine.ts";
import { attempt, succeed } from "../helpers/run-program.ts";
import { CREDENTIALS, checkReach, killInferenceHost } from "./inference-hosts.ts";
import { report, seconds } from "./report.ts";
import { createStack, type Stack } from "./stack.ts";

/** `terminationGracePeriodSeconds` and `stop_grace_period`. */
const GRACE_SECONDS = 60;

/** The paper's pipeline in containers, from nothing to its verdicts, with a trainer killed on the way. */
export async function tellStory(engine: Engine, image: string): Promise<void> {
  const { program } = engine;
  const folder = await mkdtemp(join(tmpdir(), "uncouple-images-"));
  const canary = randomUUID();
  const stack = createStack(engine, image, await credentials(folder, canary));
  await stack.compose("down", "--volumes").catch(() => {});
  const began = performance.now();
  try {
    await stack.compose("up", "--detach");
    for (const service of ["evaluator", "trainer-m1", "trainer-m2"]) await stack.ready(service);
    report("compose up to all ready", `${seconds(began).toFixed(1)} s`);
    assert.match((await stack.exec("trainer-m1", "cat", "/proc/1/cmdline")).stdout, /tini/);

    await stack.train("m1");
    await stack.train("m2");
    await stack.train("m1", "--team", "/config/m1-consistent.yaml");
    assert.equal((await stack.verdict("m1", 2)).kind, "self-defeating");
    report("compose up to the paper's verdict", `${seconds(began).toFixed(1)} s`);

    await checkReach(stack, canary);
    await killInferenceHost(engine, stack);
    await killAndRestart(engine, stack);

    for (const service of ["trainer-m1", "trainer-m2", "evaluator"]) {
      const name = await stack.container(service);
      const stopping = performance.now();
      await succeed(program, ["stop", "--time", String(GRACE_SECONDS), name]);
      const took = seconds(stopping);
      const code = await succeed(program, ["inspect", "--format", "{{.State.ExitCode}}", name]);
      assert.equal(code, "0", `${service} exited with ${code}`);
      assert.ok(took < GRACE_SECONDS, `${service} took ${took} s to stop`);
      report(`stop ${service}`, `${took.toFixed(1)} s, exit code 0`);
    }
  } finally {
    await stack.compose("down", "--volumes");
    await rm(folder, { recursive: true });
  }
}

/** Gives each service a file where its credentials would be. @returns the compose file that does it */
async function credentials(folder: string, canary: string): Promise<string> {
  const secret = join(folder, "user.nk");
  await writeFile(secret, canary, { mode: 0o644 });
  const service = { volumes: [`${secret}:${CREDENTIALS}:ro`] };
  const file = join(folder, "compose.yaml");
  // YAML contains JSON.
  await writeFile(
    file,
    JSON.stringify({ services: { evaluator: service, "trainer-m1": service, "trainer-m2": service } }),
  );
  return file;
}

/** Kills a trainer in the middle of a run: it resumes from its checkpoint and publishes. */
async function killAndRestart({ program }: Engine, stack: Stack): Promise<void> {
  const name = await stack.container("trainer-m1");
  const long = "component: m1\\nmodel: { hidden: [64] }\\nsteps: 1000000\\nprotocol: async\\n";
  await stack.exec("trainer-m1", "sh", "-c", `printf '${long}' > /tmp/long.yaml`);
  const start = ["uncouple", "train", "m1", "--trainer", "127.0.0.1:50051", "--team", "/tmp/long.yaml"];
  assert.equal((await stack.exec("trainer-m1", ...start)).code, 0);
  const checkpoint = 'test -n "$(find /var/lib/uncouple/state -name checkpoint.bin)"';
  for (let tries = 0; (await stack.exec("trainer-m1", "sh", "-c", checkpoint)).code !== 0; tries += 1) {
    assert.ok(tries < 100, "no checkpoint was written");
    await sleep(200);
  }
  const killed = performance.now();
  await succeed(program, ["kill", name]);
  await succeed(program, ["start", name]);
  await stack.ready("trainer-m1");
  report("kill -9 to ready again", `${seconds(killed).toFixed(1)} s`);
  await stack.verdict("m1", 3);
  const { stdout, stderr } = await attempt(program, ["logs", name]);
  const resumed = /resumes at (?:step )?(\d+)/.exec(stdout + stderr);
  assert.ok(resumed !== null, "the run did not resume");
  report("the run resumed at step", resumed[1] ?? "");
}
