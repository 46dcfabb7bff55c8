import { describe, expect, it } from "vitest";
import { createSupervisor, type Supervised } from "../../../../services/cli/stack/supervisor.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

interface Fake extends Supervised {
  readonly number: number;
  die(how: string): void;
  stopped: boolean;
}

/** Parts that exit on demand. */
function fakes() {
  const started: Fake[] = [];
  return {
    started,
    start: async (): Promise<Fake> => {
      let die: (how: string) => void = () => {};
      const ended = new Promise<string>((resolve) => {
        die = resolve;
      });
      const fake: Fake = {
        number: started.length + 1,
        stopped: false,
        ended,
        die,
        async stop() {
          fake.stopped = true;
          die("was stopped");
        },
      };
      started.push(fake);
      return fake;
    },
  };
}

function supervised() {
  const events: string[] = [];
  const clock = createVirtualClock();
  const supervisor = createSupervisor({
    clock,
    onEvent: (line) => events.push(line),
    restarts: 2,
    windowSeconds: 60,
    restartDelayMs: 500,
  });
  return { supervisor, events, clock };
}

describe("a supervisor", () => {
  it("restarts a part that exited by itself, and reports it", async () => {
    const { supervisor, events, clock } = supervised();
    const { started, start } = fakes();
    const previous: (number | undefined)[] = [];
    await supervisor.run("trainer m1", (before: Fake | undefined) => {
      previous.push(before?.number);
      return start();
    });
    started[0]?.die("was killed by SIGKILL");
    await clock.advance(499);
    expect(events).toEqual(["trainer m1 was killed by SIGKILL; restarting it"]);
    await clock.advance(1);
    expect(events).toEqual(["trainer m1 was killed by SIGKILL; restarting it", "trainer m1 is running again"]);
    expect(previous).toEqual([undefined, 1]);
    await supervisor.stop();
    expect(started[1]?.stopped).toBe(true);
  });

  it("gives up on a part that keeps crashing, naming it and the last crash", async () => {
    const { supervisor, clock } = supervised();
    const { started, start } = fakes();
    await supervisor.run("evaluator", start);
    started[0]?.die("exited with code 1");
    await clock.advance(500);
    started[1]?.die("exited with code 1");
    // The delay doubles.
    await clock.advance(999);
    expect(started).toHaveLength(2);
    await clock.advance(1);
    started[2]?.die("exited with code 1");
    await expect(supervisor.failed).rejects.toMatchObject({
      code: "unavailable",
      message: "evaluator crashed 3 times within 60 s, most recently: exited with code 1",
    });
    expect(started).toHaveLength(3);
    await supervisor.stop();
  });

  it("ignores crashes before its window", async () => {
    const { supervisor, events, clock } = supervised();
    const { started, start } = fakes();
    await supervisor.run("evaluator", start);
    for (let i = 0; i < 5; i += 1) {
      started[i]?.die("exited with code 1");
      await clock.advance(30_000);
    }
    expect(started).toHaveLength(6);
    expect(events.at(-1)).toBe("evaluator is running again");
    await supervisor.stop();
  });

  it("counts a failed restart as a crash", async () => {
    const { supervisor, events, clock } = supervised();
    const { started, start } = fakes();
    await supervisor.run("trainer m2", async (before: Fake | undefined) => {
      if (before !== undefined) throw new Error("the port is taken");
      return start();
    });
    started[0]?.die("was killed by SIGTERM");
    await clock.advance(500 + 1_000);
    await expect(supervisor.failed).rejects.toThrow("most recently: failed to start: the port is taken");
    expect(events.at(-1)).toBe("trainer m2 failed to start: the port is taken; restarting it");
    await supervisor.stop();
  });

  it("throws the failure of the first start, and supervises nothing", async () => {
    const { supervisor, events } = supervised();
    const failing = supervisor.run("evaluator", async () => {
      throw new Error("no data");
    });
    await expect(failing).rejects.toThrow("no data");
    await supervisor.stop();
    expect(events).toEqual([]);
  });

  it("stops everything, including a part that is restarting, and restarts nothing afterwards", async () => {
    const { supervisor, clock } = supervised();
    const { started, start } = fakes();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await supervisor.run("a", start);
    await supervisor.run("b", async (before: Fake | undefined) => {
      if (before !== undefined) await held;
      return start();
    });
    started[1]?.die("crashed");
    await clock.advance(500);
    const stopping = supervisor.stop();
    release();
    await stopping;
    expect(started[0]?.stopped).toBe(true);
    expect(started[2]?.stopped).toBe(true);
    await supervisor.stop();
    expect(started).toHaveLength(3);
  });
});
