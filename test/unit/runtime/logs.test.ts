import { describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createLogger, type LogSettings } from "../../../services/runtime/logs.ts";

function written(settings: Partial<LogSettings>, isTTY?: boolean) {
  const lines: string[] = [];
  const destination = { write: (text: string) => void lines.push(text), isTTY };
  const log = createLogger({
    clock: systemClock,
    service: "trainer",
    component: "m2",
    pipeline: "demo",
    destination,
    ...settings,
  });
  return { log, lines };
}

describe("logs", () => {
  test("are JSON with service, component and pipeline if the destination is not a terminal", () => {
    const { log, lines } = written({});
    log.info({ snapshot: "m2@3" }, "published");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "info",
      service: "trainer",
      component: "m2",
      pipeline: "demo",
      snapshot: "m2@3",
      message: "published",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test("are one readable line on a terminal", () => {
    const { log, lines } = written({ color: false }, true);
    log.warn({ snapshot: "m2@3", loss: 0.123456789, why: "two words", done: true }, "published");
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} WARN {2}trainer\/m2 {2}published {2}snapshot=m2@3 loss=0.1235 why="two words" done=true\n$/,
      ),
    ]);
  });

  test("have colors only on terminals", () => {
    const { log, lines } = written({}, true);
    log.info("hello");
    expect(lines[0]).toContain("\u001b[32mINFO");
  });

  test("show the code and cause of an expected error, without a stack", () => {
    const error = new UncoupleError("unavailable", "no server", { cause: new Error("ECONNREFUSED") });
    const machine = written({});
    machine.log.error({ error }, "cannot publish");
    expect(JSON.parse(machine.lines[0] ?? "").error).toEqual({
      type: "UncoupleError",
      code: "unavailable",
      message: "no server",
      cause: { message: "Error: ECONNREFUSED" },
    });
    const people = written({ format: "pretty", color: false });
    people.log.error({ error }, "cannot publish");
    people.log.error({ error }, "cannot publish: no server");
    expect(people.lines[0]).toMatch(
      /ERROR trainer\/m2 {2}cannot publish\n {4}no server\n {4}caused by Error: ECONNREFUSED\n$/,
    );
    expect(people.lines[1]).toMatch(/cannot publish: no server\n {4}caused by Error: ECONNREFUSED\n$/);
  });

  test("show the stack of a bug, and of every error at level debug", () => {
    const people = written({ format: "pretty", color: false });
    people.log.error({ error: new UncoupleError("internal", "cannot be") }, "oh");
    people.log.error({ error: new TypeError("no function") }, "oh");
    expect(people.lines[0]).toMatch(/oh\n {4}UncoupleError: cannot be\n {8}at /);
    expect(people.lines[1]).toMatch(/oh\n {4}TypeError: no function\n {8}at /);
    const curious = written({ level: "debug" });
    curious.log.error({ error: new UncoupleError("not-found", "no file") }, "oh");
    expect(JSON.parse(curious.lines[0] ?? "").error.stack).toMatch(/^UncoupleError: no file\n {4}at /);
  });

  test("drop records below the level", () => {
    const { log, lines } = written({ level: "warn" });
    log.info("no");
    expect(lines).toEqual([]);
  });
});
