import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../helpers/container-engine.ts";
import { succeed } from "../helpers/run-program.ts";
import { report, seconds } from "./report.ts";
import type { Stack } from "./stack.ts";

/** Where a service has its credentials, in Kubernetes and here. */
export const CREDENTIALS = "/var/run/uncouple/nats/user.nk";

/** From where models of the store run, nothing of the service is in reach: no secret, no setting, no NATS. */
export async function checkReach(stack: Stack, canary: string): Promise<void> {
  for (const service of ["evaluator", "trainer-m1", "trainer-m2"]) {
    assert.equal(
      (await stack.exec(service, "cat", CREDENTIALS)).stdout.trim(),
      canary,
      `${service} has its credentials`,
    );
    const inside = async (command: string) => (await stack.exec(`${service}-inference`, "sh", "-c", command)).stdout;
    assert.equal((await inside("id -u")).trim(), "1001");
    assert.equal(await inside(`cat ${CREDENTIALS} /proc/[0-9]*/root${CREDENTIALS} 2>/dev/null`), "");
    assert.equal(await inside("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -i nats"), "");
    assert.equal(await inside("ls /config /var/lib/uncouple/state 2>/dev/null"), "");
    const connect = `require("net").connect(4222, "nats").on("connect", () => console.log("connected")).on("error", () => {})`;
    assert.equal(await inside(`node -e '${connect}'`), "");
    assert.equal(await inside("awk '$2 == \"00000000\"' /proc/net/route"), "", "a way out of its network");
  }
  report("from an inference host", "no credentials, settings or way to NATS");
}

/** Kills what runs models for the evaluator: a snapshot is judged once that is back, and blamed for nothing. */
export async function killInferenceHost({ program }: Engine, stack: Stack): Promise<void> {
  const name = await stack.container("evaluator-inference");
  await succeed(program, ["kill", name]);
  await stack.train("m2");
  await sleep(3000);
  assert.ok(!(await stack.verdicts()).some(isSecond), "a snapshot was judged without an inference host");
  const started = performance.now();
  await succeed(program, ["start", name]);
  const { kind } = await stack.verdict("m2", 2);
  report("inference host back to verdict", `${seconds(started).toFixed(1)} s, ${String(kind)}`);
}

const isSecond = ({ component, serial }: Record<string, unknown>) => component === "m2" && serial === 2;
