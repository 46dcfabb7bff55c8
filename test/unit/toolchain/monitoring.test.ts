import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { alerts, panels, records, rules, selectorsOf } from "../../helpers/monitoring.ts";

const root = join(import.meta.dirname, "../../..");
const operations = await readFile(join(root, "docs/operations.md"), "utf8");

/**
 * Metric to its own labels, as documented: test/integration/metrics.test.ts compares the tables with what services export.
 */
const documented = new Map(
  [...operations.matchAll(/^\| `(uncouple_\w+)` \| (.*?) \|/gm)].map(([, name = "", cell = ""]) => [
    name,
    [...cell.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
  ]),
);
const ofNode = new Set(
  [...(await createMetrics({ service: "s", version: "0" }).text()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name),
);
/** On every sample, by the services and by Prometheus. */
const COMMON = ["service", "pipeline", "component", "job", "instance", "le"];

function expectKnown(expr: string): void {
  const selectors = selectorsOf(expr);
  expect(selectors, expr).not.toEqual([]);
  for (const { name, labels } of selectors) {
    const record = records.find((one) => one.record === name);
    const metric = name.replace(/_(bucket|sum|count)$/, "");
    if (record !== undefined) {
      const [, by = ""] = /by \(([^)]*)\)/.exec(record.expr) ?? [];
      expect(by.split(", "), expr).toEqual(expect.arrayContaining([...labels]));
    } else if (name !== "up" && !ofNode.has(name)) {
      expect([...documented.keys()], expr).toContain(metric);
      expect([...COMMON, ...(documented.get(metric) ?? [])], expr).toEqual(expect.arrayContaining([...labels]));
    }
  }
}

test("a selector is a metric or a record with its matchers", () => {
  const expr = 'max by (pipeline) (uncouple_a_bytes{store="x", pipeline=~"$pipeline"}) / a:b > up{job="uncouple"}';
  expect(selectorsOf(`${expr} + pipeline_x:uncouple_b:min`)).toEqual([
    {
      text: 'uncouple_a_bytes{store="x", pipeline=~"$pipeline"}',
      name: "uncouple_a_bytes",
      labels: ["store", "pipeline"],
    },
    { text: 'up{job="uncouple"}', name: "up", labels: ["job"] },
    { text: "pipeline_x:uncouple_b:min", name: "pipeline_x:uncouple_b:min", labels: [] },
  ]);
  expect(() => expectKnown("uncouple_misspelt_total")).toThrow();
  expect(() => expectKnown('uncouple_verdicts_total{knid="degraded"}')).toThrow();
});

test.each(rules.map(({ record, alert, expr }) => [record ?? alert, expr]))(
  "%s reads metrics and labels that the services export",
  (_, expr) => expectKnown(expr ?? ""),
);

test.each(panels.map(({ title, targets }) => [title, targets]))(
  "the panel %s reads metrics and labels that the services export",
  (_, targets) => {
    expect(targets?.length).toBeGreaterThan(0);
    for (const { expr } of targets ?? []) expectKnown(expr);
  },
);

test("panels have ids and titles of their own", () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});

describe("the runbooks", async () => {
  const text = await readFile(join(root, "docs/runbooks.md"), "utf8");

  test("have a section for every alert, and no other", () => {
    const sections = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
  });

  test.each(alerts.map((alert) => [alert.alert ?? "", alert] as const))("are linked by %s", (name, alert) => {
    expect(alert.annotations?.runbook_url).toBe(`docs/runbooks.md#${name.toLowerCase()}`);
    expect(alert.annotations?.summary).toBeDefined();
    expect(["page", "ticket"]).toContain(alert.labels?.severity);
    const [, section = ""] = new RegExp(`^## ${name}\n(.*?)(?=^## |$(?![\\s\\S]))`, "ms").exec(text) ?? [];
    expect(section).toContain(`Severity: ${alert.labels?.severity}.`);
    expect(section).toMatch(/\*\*Look at\*\*: \S.*\n\n\*\*Do\*\*: \S/);
  });
});
