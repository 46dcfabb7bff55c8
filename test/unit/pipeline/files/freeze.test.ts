import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { frozenAt } from "../../../../services/pipeline/freeze.ts";
import type { FreezeWindow } from "../../../../services/pipeline/gate.ts";

function parse(freeze: string) {
  return parsePipelineFile(
    `pipeline: p
data: { source: synthetic, generator: two-stage, rows: 100 }
components:
  m1: { columns: [x], output: { name: y }, target: t }
freeze: ${freeze}
`,
    "p.yaml",
  );
}

function windows(freeze: string): readonly FreezeWindow[] {
  const result = parse(freeze);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.pipeline.freeze ?? [];
}

function problemsOf(freeze: string): readonly string[] {
  const result = parse(freeze);
  return "problems" in result ? result.problems.map(formatProblem) : [];
}

const HOLIDAYS = "{ from: 2026-12-20, to: 2027-01-04T08:00Z, reason: holidays }";
const WEEKEND = "{ weekly: fri 16:00 - mon 08:00 }";

describe("freeze", () => {
  test("reads windows of dates and weekly ones, in UTC", () => {
    expect(windows(`[${HOLIDAYS}, ${WEEKEND}, { weekly: Mon 0:00 - TUE 9:30, reason: planning }]`)).toEqual([
      { from: "2026-12-20T00:00:00.000Z", to: "2027-01-04T08:00:00.000Z", reason: "holidays" },
      { fromMinute: 4 * 1440 + 960, toMinute: 480, reason: null },
      { fromMinute: 0, toMinute: 1440 + 570, reason: "planning" },
    ]);
  });

  const utc = "must be a date or a time in UTC, such as 2026-12-20 or 2027-01-04T08:00Z";
  const weekly = "must be two days and times in UTC, such as fri 16:00 - mon 08:00";
  test.each([
    ["[]", "freeze: must have at least 1 item"],
    [HOLIDAYS, "freeze: must be a list, not a mapping"],
    ["[{ from: 2027-01-04, to: 2026-12-20 }]", "freeze[0].to: must be later than from (2027-01-04)"],
    ["[{ from: 2027-01-04, to: 2027-01-04T00:00Z }]", "freeze[0].to: must be later than from (2027-01-04)"],
    ["[{ from: 2026-02-30, to: 2026-12-20 }]", `freeze[0].from: ${utc}`],
    ["[{ from: 2026-02-03T25:00Z, to: 2026-12-20 }]", `freeze[0].from: ${utc}`],
    ["[{ from: 2026-02-03T08:00+02:00, to: 2026-12-20 }]", `freeze[0].from: ${utc}`],
    ["[{ from: 2026-12-20 }]", "freeze[0].to: is missing; must be a string"],
    ["[{ weekly: fry 16:00 - mon 08:00 }]", `freeze[0].weekly: ${weekly}`],
    ["[{ weekly: fri 24:00 - mon 08:00 }]", `freeze[0].weekly: ${weekly}`],
    ["[{ weekly: fri 16:00 }]", `freeze[0].weekly: ${weekly}`],
    ["[{ weekly: fri 16:00 - fri 16:00 }]", "freeze[0].weekly: begins and ends at the same minute"],
    [`[${WEEKEND}, { weekly: mon 8:00 - mon 9:00, why: x }]`, "freeze[1].why: unknown key; available: weekly, reason"],
  ])("reports %s", (freeze, message) => {
    expect(problemsOf(freeze)).toEqual([`p.yaml:5: ${message}`]);
  });
});

describe("frozenAt", () => {
  test("a window of dates includes its beginning and excludes its end", () => {
    const holidays = windows(`[${HOLIDAYS}]`);
    const frozen = { reason: "holidays", until: "2027-01-04T08:00:00.000Z" };
    expect(frozenAt(holidays, "2026-12-19T23:59:59.999Z")).toBeUndefined();
    expect(frozenAt(holidays, "2026-12-20T00:00:00.000Z")).toEqual(frozen);
    expect(frozenAt(holidays, "2027-01-04T09:59:59.999+02:00")).toEqual(frozen);
    expect(frozenAt(holidays, "2027-01-04T08:00:00.000Z")).toBeUndefined();
    expect(frozenAt([], "2026-12-24")).toBeUndefined();
    expect(frozenAt(undefined, "2026-12-24")).toBeUndefined();
  });

  test("a weekly window comes back every week, over the turn of the week and years", () => {
    const weekend = windows(`[${WEEKEND}]`);
    // 2026-11-27 is a Friday, 1969-12-26, too.
    expect(frozenAt(weekend, "2026-11-27T15:59:59.999Z")).toBeUndefined();
    for (const at of ["2026-11-27T16:00:00Z", "2026-11-29T23:59:59Z", "2026-11-30T00:00:00Z", "2026-11-30T07:59:59Z"]) {
      expect(frozenAt(weekend, at)).toEqual({ reason: null, until: "2026-11-30T08:00:00.000Z" });
    }
    expect(frozenAt(weekend, "2026-11-30T08:00:00.000Z")).toBeUndefined();
    expect(frozenAt(weekend, "2027-01-02T00:00:00Z")?.until).toBe("2027-01-04T08:00:00.000Z");
    expect(frozenAt(weekend, "1969-12-26T16:00:00Z")?.until).toBe("1969-12-29T08:00:00.000Z");
  });

  test("windows that follow each other without a gap are one freeze", () => {
    const both = windows(`[${WEEKEND}, { from: 2026-11-30T07:00Z, to: 2026-12-04T17:00Z, reason: launch }]`);
    expect(frozenAt(both, "2026-11-28T00:00:00Z")).toEqual({ reason: null, until: "2026-12-07T08:00:00.000Z" });
    expect(frozenAt(both, "2026-12-01T00:00:00Z")).toEqual({ reason: "launch", until: "2026-12-07T08:00:00.000Z" });
  });

  test("windows that leave no gap never end", () => {
    const always = windows("[{ weekly: mon 0:00 - thu 0:00 }, { weekly: wed 12:00 - mon 0:00, reason: always }]");
    expect(frozenAt(always, "2026-11-28T00:00:00Z")).toEqual({ reason: "always", until: null });
  });
});
