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

function supervised(othersWork = () => false) {
  const events: string[] = [];
  const clock = createVirtualClock();
  const supervisor = createSupervisor({
    clock,
    onEvent: (line) => events.push(line),
    failingAfter: 3,
    stableSeconds: 60,
    restartDelayMs: 500,
    maxDelayMs: 30_000,
    othersWork,
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
    expect(events).toEqual(["trainer m1 was killed by SIGKILL; restarting it in 0.5 s"]);
    await clock.advance(1);
    expect(events).toEqual(["trainer m1 was killed by SIGKILL; restarting it in 0.5 s", "trainer m1 is running again"]);
    expect(previous).toEqual([undefined, 1]);
    await supervisor.stop();
    expect(started[1]?.stopped).toBe(true);
  });

  it("gives up when its only part keeps crashing, naming it and the last crash", async () => {
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
      message: "evaluator crashed 3 times in a row, most recently: exited with code 1",
    });
    expect(started).toHaveLength(3);
    await supervisor.stop();
  });

  it("backs off to 30 s, and begins again after a stable time, while another part works", async () => {
    const { supervisor, events, clock } = supervised();
    const trainer = fakes();
    const evaluator = fakes();
    await supervisor.run("evaluator", evaluator.start);
    await supervisor.run("trainer m1", trainer.start);
    const delays = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    for (const [crash, delay] of delays.entries()) {
      trainer.started[crash]?.die("exited with code 1");
      await clock.advance(delay - 1);
      expect(trainer.started).toHaveLength(crash + 1);
      await clock.advance(1);
      expect(trainer.started).toHaveLength(crash + 2);
    }
    await clock.advance(59_999);
    trainer.started.at(-1)?.die("exited with code 1");
    await clock.advance(0);
    expect(events.at(-1)).toBe("trainer m1 exited with code 1; restarting it in 30 s");
    await clock.advance(90_000);
    trainer.started.at(-1)?.die("exited with code 1");
    await clock.advance(0);
    expect(events.at(-1)).toBe("trainer m1 exited with code 1; restarting it in 0.5 s");
    expect(evaluator.started).toHaveLength(1);
    await supervisor.stop();
  });

  it("gives up when all of its parts keep crashing", async () => {
    const { supervisor, clock } = supervised();
    const parts = { evaluator: fakes(), "trainer m1": fakes() };
    for (const [name, { start }] of Object.entries(parts)) await supervisor.run(name, start);
    for (const delay of [500, 1_000, 2_000]) {
      parts.evaluator.started.at(-1)?.die("exited with code 1");
      await clock.advance(delay);
    }
    for (const delay of [500, 1_000]) {
      parts["trainer m1"].started.at(-1)?.die("was killed by SIGKILL");
      await clock.advance(delay);
    }
    // The evaluator, which has crashed most often, is running at the moment.
    parts["trainer m1"].started.at(-1)?.die("was killed by SIGKILL");
    await clock.advance(1_999);
    expect(supervisor.works()).toBe(true);
    parts.evaluator.started.at(-1)?.die("exited with code 2");
    await expect(supervisor.failed).rejects.toMatchObject({
      code: "unavailable",
      message: "every service keeps crashing; evaluator crashed 4 times in a row, most recently: exited with code 2",
    });
    await supervisor.stop();
  });

  it("does not give up on its only part while others work", async () => {
    let works = true;
    const { supervisor, events, clock } = supervised(() => works);
    const { started, start } = fakes();
    await supervisor.run("nats-server", start);
    for (const delay of [500, 1_000, 2_000, 4_000]) {
      started.at(-1)?.die("exited");
      await clock.advance(delay);
    }
    expect(events.at(-1)).toBe("nats-server is running again");
    works = false;
    started.at(-1)?.die("exited");
    await expect(supervisor.failed).rejects.toThrow("nats-server crashed 5 times in a row");
    await supervisor.stop();
  });

  it("counts a failed restart as a crash", async () => {
    const { supervisor, events, clock } = supervised();
    const { started, start } = fakes();
    await supervisor.run("trainer m2", async (before: Fake | undefined) => {
      if (before !== undefined) throw new Error("the port is taken");
      return start();
    });
    // The first part is stable, but the time that it ran does not make failed restarts stable.
    await clock.advance(3_600_000);
    started[0]?.die("was killed by SIGTERM");
    await clock.advance(500 + 1_000);
    await expect(supervisor.failed).rejects.toThrow("most recently: failed to start: the port is taken");
    expect(events.at(-1)).toBe("trainer m2 failed to start: the port is taken; restarting it in 1 s");
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
