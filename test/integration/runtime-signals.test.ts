import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Starts the service, sends each signal once its text appears in the output, and waits for the exit. */
function service(behavior: string, signals: readonly (readonly [after: string, signal: NodeJS.Signals])[]) {
  const child = spawn(process.execPath, ["--import", "tsx", "test/helpers/signal-service.ts", behavior], {
    cwd: root,
  });
  const left = [...signals];
  let output = "";
  return new Promise<Ended>((resolve) => {
    const read = (bytes: Buffer) => {
      output += bytes.toString();
      const [next] = left;
      if (next !== undefined && output.includes(next[0])) {
        left.shift();
        child.kill(next[1]);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

describe("a service that receives a signal", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s: finishes its work, releases, exits 0", async (signal) => {
    const ended = await service("polite", [["ready", signal]]);
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.output).toMatch(/STOPPING[\s\S]*DRAINING[\s\S]*STOPPED/);
  });

  test("exits with the code of a failure during the stop", async () => {
    expect(await service("failing", [["ready", "SIGTERM"]])).toMatchObject({ code: 9 });
  });

  test("is forced to exit if the stop hangs", async () => {
    const ended = await service("stuck", [["ready", "SIGTERM"]]);
    expect(ended).toMatchObject({ code: 10, output: expect.stringContaining("still stopping 0.5 s after SIGTERM") });
  });

  test("is forced to exit with its own outcome if the process stays alive after the stop", async () => {
    const ended = await service("leaky", [["ready", "SIGTERM"]]);
    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining("the process was still alive") });
  });

  test("dies immediately on a second signal", async () => {
    const ended = await service("stuck", [
      ["ready", "SIGINT"],
      ["DRAINING", "SIGINT"],
    ]);
    expect(ended).toMatchObject({ code: null, signal: "SIGINT" });
  });
});
