import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverInfo } from "../../services/cli/stack/server-info.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { freePort } from "./free-port.ts";

/** A real server with JetStream and a configuration of the test's own. */
export interface ConfiguredNats {
  readonly url: string;
  /** Starts it, or starts it again on the same port and store. @param config what comes after address and JetStream */
  start(config: string): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes its store. */
  remove(): Promise<void>;
}

/** @returns a server that is not running yet */
export async function configuredNats(binary: string): Promise<ConfiguredNats> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-nats-"));
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const logFile = join(dir, "nats.log");
  let child: ChildProcess | undefined;
  const stop = async () => {
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return {
    url,
    async start(config) {
      await stop();
      const conf = join(dir, "nats.conf");
      const own = `listen: "127.0.0.1:${port}"\nlog_file: ${JSON.stringify(logFile)}\n`;
      const jetstream = `jetstream { store_dir: ${JSON.stringify(join(dir, "store"))}, max_file: 4GB }\n`;
      await writeFile(conf, own + jetstream + config);
      child = spawn(binary, ["-c", conf], { stdio: "ignore" });
      while ((await serverInfo(url))?.jetstream !== true) {
        if (child.exitCode !== null) throw new Error(await readFile(logFile, "utf8"));
        await systemClock.sleep(30);
      }
    },
    stop,
    async remove() {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
