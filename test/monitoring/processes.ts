import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that a test started. */
export interface TestServer {
  /** Everything it has printed. */
  output(): string;
  stop(): Promise<void>;
}

const START_MS = 60_000;

/**
 * Starts a server and waits until it is ready.
 * @throws Error with its output if it exits first or does not get ready in time
 */
export async function startServer(
  command: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
): Promise<TestServer> {
  const child: ChildProcess = spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    const end = (how: unknown) => {
      ended = true;
      output += String(how);
      resolve();
    };
    child.once("error", end);
    child.once("close", end);
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  const giveUp = Date.now() + START_MS;
  while (!(await ready().catch(() => false))) {
    if (ended || Date.now() > giveUp) {
      await stop();
      throw new Error(`${command} did not start: ${output}`);
    }
    await sleep(100);
  }
  return { output: () => output, stop };
}

/** Whether an address answers with success. */
export async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}
