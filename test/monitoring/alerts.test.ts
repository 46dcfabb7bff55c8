import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { alerts, rulesFile } from "../helpers/monitoring.ts";
import { type AlertCase, cases, type Series } from "./alert-cases.ts";

const run = promisify(execFile);
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-rules-"));
  await writeFile(join(dir, "rules.yaml"), rulesFile.plain());
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs promtool, whose output is the error if it finds one. */
async function promtool(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run("promtool", args, { cwd: dir }).catch((error: { stdout: string }) => {
    throw new Error(`promtool (Debian's package prometheus) ${args.join(" ")}: ${error.stdout ?? ""}`, {
      cause: error,
    });
  });
  return stdout + stderr;
}

/** Whether the alert fires at that time, by promtool's own evaluation of all rules. */
async function check(alert: string, { at, labels }: AlertCase, series: Series, fires: boolean): Promise<void> {
  const severity = alerts.find((one) => one.alert === alert)?.labels?.severity ?? "";
  const all: Readonly<Record<string, string>> = { alertname: alert, alertstate: "firing", severity, ...labels };
  const name = `ALERTS{${Object.entries(all)
    .map(([key, value]) => `${key}="${value}"`)
    .join(", ")}}`;
  const expr = `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const rulesTest = {
    rule_files: ["rules.yaml"],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
        promql_expr_test: [{ expr, eval_time: at, exp_samples: fires ? [{ labels: name, value: 1 }] : [] }],
      },
    ],
  };
  const file = `${alert}-${fires ? "fires" : "silent"}.yaml`;
  await writeFile(join(dir, file), JSON.stringify(rulesTest));
  expect(await promtool("test", "rules", file)).toContain("SUCCESS");
}

test("the rules are valid, and what the documentation says gives them in Prometheus's own form", async () => {
  expect(await promtool("check", "rules", "rules.yaml")).toContain("SUCCESS");
  const { stdout } = await run("sed", ["1,/^spec:$/d; s/^  //", "deploy/monitoring/prometheus-rule.yaml"]);
  expect(parse(stdout)).toEqual((parse(rulesFile.text) as { spec: unknown }).spec);
});

test("every alert has a case", () => {
  expect(Object.keys(cases)).toEqual(alerts.map(({ alert }) => alert));
});

test.each(Object.entries(cases))("%s fires", (alert, one) => check(alert, one, one.fires, true));
test.each(Object.entries(cases))("%s stays silent", (alert, one) => check(alert, one, one.silent, false));

test("a case that does not hold is found", async () => {
  const one = cases.UncoupleClockSkew as AlertCase;
  await expect(check("UncoupleClockSkew", one, one.silent, true)).rejects.toThrow("promtool");
  await expect(check("UncoupleClockSkew", one, one.fires, false)).rejects.toThrow("promtool");
});
