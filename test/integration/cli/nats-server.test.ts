import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findNatsServer } from "../../../services/cli/stack/find-nats-server.ts";
import { installNatsServer } from "../../../services/cli/stack/install-nats-server.ts";
import { startNatsServer } from "../../../services/cli/stack/nats-server.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { natsServerBinary } from "../../helpers/nats-server.ts";

let folder: string;
let binary: string;
beforeEach(async () => {
  binary = await natsServerBinary();
  folder = await mkdtemp(join(tmpdir(), "uncouple-nats-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const gone = async (pid: number) => {
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
};

test("a server starts on a free loopback port, stops, and restarts on the same store and port", async () => {
  const first = await startNatsServer({ clock: systemClock, binary, storeDir: folder });
  expect(first.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
  expect(alive(first.pid)).toBe(true);
  await Promise.all([first.stop(), first.stop()]);
  expect(alive(first.pid)).toBe(false);
  const again = await startNatsServer({
    clock: systemClock,
    binary,
    storeDir: folder,
    port: Number(new URL(first.url).port),
  });
  expect(again.url).toBe(first.url);
  await again.stop();
});

test("a port in use is named", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(startNatsServer({ clock: systemClock, binary, storeDir: folder, port })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining(`port ${port}`),
  });
  other.close();
});

test("a second server on the same store is rejected", async () => {
  const server = await startNatsServer({ clock: systemClock, binary, storeDir: folder });
  await expect(startNatsServer({ clock: systemClock, binary, storeDir: folder })).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining(server.url),
  });
  await server.stop();
});

test("a binary that is missing or broken is named", async () => {
  const missing = join(folder, "no-such-server");
  await expect(startNatsServer({ clock: systemClock, binary: missing, storeDir: folder })).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(missing),
  });
  const broken = join(folder, "broken");
  await writeFile(broken, "#!/bin/sh\nexit 3\n");
  await chmod(broken, 0o755);
  await expect(startNatsServer({ clock: systemClock, binary: broken, storeDir: folder })).rejects.toMatchObject({
    message: expect.stringContaining("code 3"),
  });
});

test("a killed server resolves `exited`", async () => {
  const server = await startNatsServer({ clock: systemClock, binary, storeDir: folder });
  process.kill(server.pid, "SIGKILL");
  await server.exited;
  await server.stop();
});

test.each(["ends", "is killed"])("the server exits when its parent process %s", async (how) => {
  const script = `
    import { startNatsServer } from ${JSON.stringify(join(import.meta.dirname, "../../../services/cli/stack/nats-server.ts"))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, "../../../services/common/clock/system-clock.ts"))};
    const server = await startNatsServer({ clock: systemClock, ...${JSON.stringify({ binary, storeDir: folder })} });
    console.log(server.pid);
    ${how === "ends" ? "" : "setInterval(() => {}, 1000);"}`;
  const file = join(folder, "parent.mts");
  await writeFile(file, script);
  const tsx = join(import.meta.dirname, "../../../node_modules/tsx/dist/loader.mjs");
  const parent = spawn(process.execPath, ["--import", tsx, file], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line));
  if (how === "is killed") {
    expect(alive(pid)).toBe(true);
    parent.kill("SIGKILL");
  }
  await gone(pid);
});

test("a server is found on the PATH first, and only if it is executable", async () => {
  const file = join(folder, "nats-server");
  await writeFile(file, "#!/bin/sh\n");
  expect(await findNatsServer(`/nowhere:${folder}`, [])).toBeUndefined();
  await chmod(file, 0o755);
  expect(await findNatsServer(`/nowhere:${folder}`, ["/usr/sbin"])).toBe(file);
  expect(await findNatsServer(undefined, [folder])).toBe(file);
  expect(await findNatsServer(undefined, [])).toBeUndefined();
});

const debian = { platform: "linux", debian: true } as const;
const elsewhere = [
  [{ platform: "darwin", uid: 501, debian: false }, "brew install nats-server"],
  [{ platform: "win32", uid: undefined, debian: false }, "NATS_URL"],
  [{ platform: "linux", uid: 0, debian: false }, "NATS_URL"],
  [{ ...debian, uid: 1000 }, "sudo sh -c 'apt-get update && apt-get install --yes nats-server'"],
] as const;

test.each(elsewhere)("on %j, nothing is installed, and one line explains how to get a server", async (machine, how) => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const installation = await installNatsServer({ machine, env: { PATH: folder }, clock: systemClock, log });
  expect(installation).toEqual({ missing: expect.stringContaining(how) });
  expect(lines).toEqual([]);
});

/** Writes an apt-get that records how it is called, and then does what `body` says. */
async function writeAptGet(body: string): Promise<{ readonly calls: () => Promise<string> }> {
  const record = join(folder, "calls");
  await writeFile(record, "");
  await writeFile(join(folder, "apt-get"), `#!/bin/sh\necho "apt-get $*" >> ${record}\n${body}\n`);
  await chmod(join(folder, "apt-get"), 0o755);
  return { calls: () => readFile(record, "utf8") };
}

test("on Debian as root, exactly what was announced before is run", async () => {
  const file = join(folder, "nats-server");
  const apt = await writeAptGet(`: > ${file}; /bin/chmod 755 ${file}`);
  const ran: string[] = [];
  const lines: string[] = [];
  const installation = await installNatsServer({
    machine: { ...debian, uid: 0 },
    env: { PATH: folder },
    clock: systemClock,
    log(line) {
      lines.push(line);
      ran.push(readFileSync(join(folder, "calls"), "utf8"));
    },
  });
  expect(installation).toEqual({ binary: file });
  expect(ran).toEqual([""]);
  const calls = (await apt.calls()).trimEnd().split("\n");
  expect(lines).toEqual([`nats-server not found; running: ${calls.join(" && ")}`]);
  expect(calls.at(-1)).toContain("install --yes --no-install-recommends nats-server");
});

test("a package manager that fails is quoted, with another way to get a server", async () => {
  await writeAptGet("echo 'E: Unable to locate package' >&2; exit 100");
  const installation = await installNatsServer({
    machine: { ...debian, uid: 0 },
    env: { PATH: folder },
    clock: systemClock,
    log: () => {},
  });
  expect(installation).toEqual({
    missing: expect.stringMatching(/^apt-get failed \(E: Unable to locate package\); .*nats\.io\/download/),
  });
});
