import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNatsServer, installNatsServer } from "../../services/cli/stack/find-nats-server.ts";
import { type NatsServer, startNatsServer } from "../../services/cli/stack/nats-server.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";

/** The nats-server of this machine, installed first where that is possible. */
export async function natsServerBinary(): Promise<string> {
  const found = await findNatsServer(process.env.PATH);
  if (found !== undefined) return found;
  const installation = await installNatsServer({
    platform: process.platform,
    uid: process.getuid?.(),
    env: process.env,
    clock: systemClock,
    log: (line) => console.log(line),
  });
  const installed = await findNatsServer(process.env.PATH);
  if (installed !== undefined) return installed;
  throw new Error(
    `these tests need a nats-server: ${installation.installed ? "it is not on the PATH" : installation.how}`,
  );
}

/** A real server of one test file: a free port, a store of its own, gone afterwards. */
export interface TestNats {
  readonly url: string;
  readonly storeDir: string;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** Again on the same port and store. */
  restart(): Promise<void>;
  /** Ends it and removes its store. */
  stop(): Promise<void>;
}

export async function startTestNats(user?: { name: string; password: string }): Promise<TestNats> {
  const binary = await natsServerBinary();
  const storeDir = await mkdtemp(join(tmpdir(), "uncouple-nats-"));
  const options = { clock: systemClock, binary, storeDir, ...(user && { user }) };
  let server: NatsServer = await startNatsServer(options);
  const port = Number(new URL(server.url).port);
  return {
    url: server.url,
    storeDir,
    signal: (signal) => void process.kill(server.pid, signal),
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.exited;
    },
    async restart() {
      server = await startNatsServer({ ...options, port });
    },
    async stop() {
      await server.stop();
      await rm(storeDir, { recursive: true, force: true });
    },
  };
}
