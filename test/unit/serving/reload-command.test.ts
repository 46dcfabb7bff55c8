import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { runReload } from "../../../services/serving/reload-command.ts";
import { gone } from "../../helpers/spawn-cli.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-reload-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const variables = { UNCOUPLE_RELEASE: "7", UNCOUPLE_RELEASE_DIR: "/models/releases/7" };
const never = new AbortController().signal;

function reload(line: string, timeoutSeconds = 60, signal = never): Promise<void> {
  const killGroup = (pid: number) => void process.kill(-pid, "SIGKILL");
  const command = {
    line,
    env: { ...process.env, OUT: join(dir, "out") },
    timeoutSeconds,
    clock: systemClock,
    killGroup,
  };
  return runReload(command, variables, signal);
}

test("the command is a line of the shell and gets the release", async () => {
  await reload('echo "$UNCOUPLE_RELEASE $UNCOUPLE_RELEASE_DIR" | tee "$OUT" > /dev/null');
  expect(await readFile(join(dir, "out"), "utf8")).toBe("7 /models/releases/7\n");
});

test.each([
  ["exit 3", "the command failed: exit code 3"],
  ["kill -TERM $$", "the command failed: ended by SIGTERM"],
  ["no-such-program-of-uncouple 2> /dev/null", "the command failed: exit code 127"],
])("%s fails with %s", async (line, message) => {
  await expect(reload(line)).rejects.toThrow(message);
});

test("a command that hangs is killed with all that it started", async () => {
  await expect(reload('sleep 300 & echo $! > "$OUT"; wait', 1)).rejects.toMatchObject({
    code: "deadline-exceeded",
    message: "the command did not end within 1 s",
  });
  await gone([Number(await readFile(join(dir, "out"), "utf8"))]);
});

test("a stop that cannot wait ends it", async () => {
  const stop = new AbortController();
  const running = reload("sleep 300", 0, stop.signal);
  stop.abort(new UncoupleError("cancelled", "stopping"));
  await expect(running).rejects.toThrow("stopping");
});
