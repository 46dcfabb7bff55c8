import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/pipeline/errors.ts";
import { createLog, type LogSettings } from "../../../services/runtime/logs.ts";

function written(settings: Partial<LogSettings>, isTTY?: boolean) {
  const lines: string[] = [];
  const destination = { write: (text: string) => void lines.push(text), isTTY };
  const log = createLog({ service: "trainer", component: "m2", pipeline: "demo", destination, ...settings });
  return { log, lines };
}

describe("logs", () => {
  test("are JSON with service, component and pipeline where nobody watches", () => {
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

  test("are one line for people on a terminal", () => {
    const { log, lines } = written({ colour: false }, true);
    log.warn({ snapshot: "m2@3", loss: 0.123456789, why: "two words", done: true }, "published");
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} WARN {2}trainer\/m2 {2}published {2}snapshot=m2@3 loss=0.1235 why="two words" done=true\n$/,
      ),
    ]);
  });

  test("colour only terminals", () => {
    const { log, lines } = written({}, true);
    log.info("hello");
    expect(lines[0]).toContain("\u001b[32mINFO");
  });

  test("show an error with its code in JSON, and with its stack below the line for people", () => {
    const error = new UncoupleError("unavailable", "no server", { cause: new Error("ECONNREFUSED") });
    const machine = written({});
    machine.log.error({ error }, "cannot publish");
    expect(JSON.parse(machine.lines[0] ?? "")).toMatchObject({ error: { code: "unavailable", message: "no server" } });
    const people = written({ format: "pretty", colour: false });
    people.log.error({ error }, "cannot publish");
    const [line] = people.lines;
    expect(line).toMatch(/ERROR trainer\/m2 {2}cannot publish\n {4}UncoupleError: no server\n {8}at /);
    expect(line).toContain("ECONNREFUSED");
  });

  test("drop what is below the level", () => {
    const { log, lines } = written({ level: "warn" });
    log.info("no");
    expect(lines).toEqual([]);
  });
});
