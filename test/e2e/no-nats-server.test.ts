import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SERVER_FOLDERS, thisMachine } from "../../services/cli/stack/find-nats-server.ts";

const root = join(import.meta.dirname, "../..");
const places = ["/usr/bin", "/bin", ...SERVER_FOLDERS].map((folder) => `${folder}/nats-server`).join(" ");
/** Hides nats-server from one command, in a mount namespace of its own. */
const HIDE = `for file in ${places}; do
  if [ -f $file ]; then mount --bind /dev/null $file || exit 99; fi
done
exec "$@"`;
const hiding = ["--mount", "sh", "-c", HIDE, "sh"];
const unshare = "/usr/bin/unshare";
/** On Linux, as root, unless the container forbids it. */
const canHide = await promisify(execFile)(unshare, [...hiding, process.execPath, "--version"]).then(
  () => true,
  () => false,
);

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-no-nats-"));
  // A package manager that leaves a trace and has no package.
  await writeFile(join(dir, "apt-get"), `#!/bin/sh\n: > ${dir}/called\necho 'E: no such package' >&2\nexit 100\n`);
  await chmod(join(dir, "apt-get"), 0o755);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a program of this repository without nats-server, to its end or until its output matches. */
async function run(args: readonly string[], until?: RegExp) {
  await rm(join(dir, "called"), { force: true });
  const child = spawn(unshare, [...hiding, process.execPath, ...args], {
    cwd: root,
    env: { ...process.env, PATH: `${dir}:/usr/bin:/bin`, NATS_URL: "", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let interrupted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (interrupted || until?.test(output) !== true) return;
      interrupted = true;
      child.kill("SIGINT");
    });
  }
  const [code] = await once(child, "close");
  const installed = await stat(join(dir, "called")).then(
    () => true,
    () => false,
  );
  return { code: code as number | null, output, installed };
}

const main = join(root, "dist/services/cli/main.js");
const saysSo = /all services run in this process, and the registry is in memory/;

describe.skipIf(!canHide)("without nats-server", () => {
  test("`uncouple up` says how to get it, and installs nothing", async () => {
    const example = (name: string) => join(root, "examples/paper", name);
    const up = await run([main, "up", example("pipeline.yaml"), example("m1-initial.yaml"), "--dir", dir]);
    expect(up).toMatchObject({ code: 5, installed: false });
    expect(up.output).toMatch(/^uncouple: nats-server not found: .*nats\.io/);
  });

  test("the demo runs in memory, says so, and installs nothing", async () => {
    const demo = ["demo", "--out", join(dir, "out")];
    expect(await run([main, ...demo], saysSo)).toMatchObject({ code: 130, installed: false });
    // As `npm start -- --no-install`.
    const told = await run([main, ...demo, "--install", "--no-install"], /m1 async: published m1@1/);
    expect(told).toMatchObject({ code: 130, installed: false });
    expect(told.output).toMatch(saysSo);
    expect(told.output).toContain("run in this process, connected by the memory backplane");
  });

  test("`npm start` names the commands before it tries to install it, and then runs in memory, too", async () => {
    const demo = await run([main, "demo", "--out", join(dir, "out"), "--install"], saysSo);
    const { debian } = await thisMachine(process);
    expect(demo).toMatchObject({ code: 130, installed: debian });
    if (!debian) return;
    const [announced, failed] = ["nats-server not found; running: apt-get", "apt-get failed (E: no such package)"].map(
      (text) => demo.output.indexOf(text),
    );
    expect(announced).toBeGreaterThanOrEqual(0);
    expect(failed).toBeGreaterThan(announced as number);
  });

  test("`npm test -- --no-install` says how to get it and fails", async () => {
    const tests = await run(["--import", "tsx", join(root, "test/whole-suite.ts"), "--no-install"]);
    expect(tests).toMatchObject({ code: 1, installed: false });
    expect(tests.output).toMatch(/^the tests need nats-server, which was not found: .*nats\.io/);
  });
});
