import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNatsServer, howToGetNats, thisMachine } from "../../services/cli/stack/find-nats-server.ts";
import { type NatsServer, startNatsServer } from "../../services/cli/stack/nats-server.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";

/** The nats-server of this machine, which `npm test` installs where it can. @throws Error that says how to get it */
export async function natsServerBinary(): Promise<string> {
  const found = await findNatsServer(process.env.PATH);
  if (found !== undefined) return found;
  throw new Error(`these tests need nats-server, which was not found: ${howToGetNats(await thisMachine(process))}`);
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
