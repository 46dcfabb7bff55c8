/**
 * Builds the image, and runs the paper's pipeline in containers with deploy/compose.yaml: `npm run test:images`.
 * UNCOUPLE_IMAGE names an image that is already there, and IMAGE_BUILD_FLAGS adds flags of the build, such as
 * `--build-arg NODE_IMAGE=...`. NATS_IMAGE names another image of nats-server.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asUncoupleError, UncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";
import { packageInfo } from "../services/runtime/package-info.ts";
import { type Engine, findEngine } from "./helpers/container-engine.ts";
import { attempt, succeed } from "./helpers/run-program.ts";

const { root, version } = packageInfo();
const PROJECT = "uncouple-test";
/** `terminationGracePeriodSeconds` and `stop_grace_period`. */
const GRACE_SECONDS = 60;

const seconds = (since: number) => (performance.now() - since) / 1000;
const report = (what: string, value: string) => console.log(`${what.padEnd(34)} ${value}`);

async function buildImage({ program }: Engine): Promise<string> {
  const existing = process.env.UNCOUPLE_IMAGE;
  if (existing !== undefined) return existing;
  const image = `localhost/uncouple:${version}`;
  const revision = await succeed("git", ["-C", root, "rev-parse", "HEAD"]);
  const flags = (process.env.IMAGE_BUILD_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  const file = join(root, "deploy/images/uncouple/Dockerfile");
  const began = performance.now();
  const args = ["build", ...flags, "--build-arg", `REVISION=${revision}`, "--file", file, "--tag", image, root];
  await succeed(program, args);
  report("image built", `${seconds(began).toFixed(0)} s`);
  return image;
}

/** What is in the image and what is not, with a read-only root and no capabilities. */
async function checkImage({ program }: Engine, image: string): Promise<void> {
  const format = "{{.Size}} {{.Config.User}} {{json .Config.Labels}}";
  const inspected = await succeed(program, ["image", "inspect", "--format", format, image]);
  const [, size = "", user = "", labels = ""] = /^(\d+) (\S+) (.*)$/s.exec(inspected) ?? [];
  const megabytes = Number(size) / 1e6;
  report("image size", `${megabytes.toFixed(0)} MB`);
  assert.ok(megabytes < 350, `the image has ${megabytes} MB`);
  assert.match(user, /^[1-9]\d*:[1-9]\d*$/, "the user is a number that is not root's");
  const label: Record<string, string> = JSON.parse(labels);
  assert.equal(label["org.opencontainers.image.version"], version);
  assert.match(label["org.opencontainers.image.revision"] ?? "", /^[0-9a-f]{40}$|^unknown$/);

  const inside = async (command: string) => {
    const flags = ["--rm", "--network=none", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"];
    return attempt(program, ["run", ...flags, "--tmpfs=/tmp", "--entrypoint=sh", image, "-c", command]);
  };
  report("node --version", (await inside("node --version")).stdout.trim());
  assert.equal((await inside("id -u")).stdout.trim(), "1000");
  assert.equal((await inside("uncouple --version")).stdout.trim(), version);
  for (const program of ["npm", "npx", "corepack", "gcc", "cc", "make", "python3", "perl", "apt-get"]) {
    assert.notEqual((await inside(`command -v ${program}`)).code, 0, `${program} is in the image`);
  }
  assert.equal(
    (await inside("find /app -name '*.map' -o -name '*.d.ts' -o -path '*/win32/*' -o -path '*/darwin/*'")).stdout,
    "",
  );
  const bill = JSON.parse((await inside("cat /app/sbom.cdx.json")).stdout);
  assert.equal(bill.bomFormat, "CycloneDX");
  const names = new Set(bill.components.map(({ name }: { readonly name: string }) => name));
  assert.ok(names.has("nats") && names.has("onnxruntime-node"), "the bill of materials lacks dependencies");
  assert.ok(!names.has("vitest") && !names.has("tfjs-node-gpu"), "the bill of materials has what is not in the image");
  assert.match((await inside("touch /app/x; touch /x")).stderr, /Read-only file system[\s\S]*Read-only file system/);
}

/** A stack of containers, by the names of its services. */
function createStack({ program, compose: [composer, ...args] }: Engine, image: string) {
  const env = { ...process.env, UNCOUPLE_IMAGE: image };
  const file = join(root, "deploy/compose.yaml");
  const compose = (...more: string[]) =>
    succeed(composer, [...args, "--file", file, "--project-name", PROJECT, ...more], env);
  const container = async (service: string) => {
    const filter = ["--filter", `label=com.docker.compose.project=${PROJECT}`];
    const names = await succeed(program, ["ps", "--all", ...filter, "--format", "{{.Names}}"]);
    const name = names.split("\n").find((one) => one.includes(`${service}_`) || one.includes(`${service}-1`));
    if (name === undefined) throw new UncoupleError("not-found", `no container of ${service}`);
    return name;
  };
  const exec = async (service: string, ...command: string[]) =>
    attempt(program, ["exec", await container(service), ...command]);
  return {
    compose,
    container,
    exec,
    async ready(service: string): Promise<void> {
      const probe = "fetch('http://127.0.0.1:9464/readyz').then(({ ok }) => process.exit(ok ? 0 : 1))";
      for (const began = performance.now(); (await exec(service, "node", "-e", probe)).code !== 0; await sleep(300)) {
        if (seconds(began) > 120) throw new UncoupleError("deadline-exceeded", `${service} does not get ready`);
      }
    },
    async train(component: string, ...more: string[]): Promise<void> {
      const command = ["uncouple", "train", component, "--trainer", "127.0.0.1:50051", "--follow", ...more];
      const { code, stderr } = await exec(`trainer-${component}`, ...command);
      assert.equal(code, 0, stderr);
    },
    async verdict(component: string, serial: number): Promise<Record<string, unknown>> {
      for (const began = performance.now(); seconds(began) < 60; await sleep(300)) {
        const { stdout } = await exec("evaluator", "uncouple", "verdicts", "--evaluator", "127.0.0.1:50051", "--json");
        const found = (JSON.parse(stdout || "[]") as Record<string, unknown>[]).find(
          (verdict) => verdict.component === component && verdict.serial === serial,
        );
        if (found !== undefined) return found;
      }
      throw new UncoupleError("deadline-exceeded", `no verdict on ${component}@${serial}`);
    },
  };
}

async function tellStory(engine: Engine, image: string): Promise<void> {
  const { program } = engine;
  const stack = createStack(engine, image);
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
  }
}

/** Kills a trainer in the middle of a run: it resumes from its checkpoint and publishes. */
async function killAndRestart({ program }: Engine, stack: ReturnType<typeof createStack>): Promise<void> {
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

try {
  const engine = await findEngine();
  const image = await buildImage(engine);
  await checkImage(engine, image);
  await tellStory(engine, image);
  console.log("test:images: passed");
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:images: ${message}`);
  process.exitCode = exitCodes[code];
}
