import { describe, expect, test } from "vitest";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { rpcMetrics } from "../../../services/runtime/rpc-metrics.ts";

const create = () => createMetrics({ service: "trainer", pipeline: "demo", component: "m2", version: "1.2.3" });

describe("metrics", () => {
  test("carry the service, pipeline and component, and include build info and Node's defaults", async () => {
    const text = await create().text();
    expect(text).toContain('uncouple_build_info{version="1.2.3",service="trainer",pipeline="demo",component="m2"} 1');
    expect(text).toContain("nodejs_eventloop_lag_seconds{");
  });

  test("of two services in one process are separate", async () => {
    const one = create();
    const other = create();
    one.counter({ name: "uncouple_things_total", help: "Things." }).inc(3);
    other.counter({ name: "uncouple_things_total", help: "Things." }).inc(4);
    expect(await one.text()).toMatch(/uncouple_things_total\{.*\} 3/);
    expect(await other.text()).toMatch(/uncouple_things_total\{.*\} 4/);
  });

  test("of the components of one process are one page, with one header for each metric", async () => {
    const metrics = createMetrics({ service: "trainer", pipeline: "demo", version: "1.2.3" });
    for (const [component, count] of [
      ["m1", 1],
      ["m2", 2],
    ] as const) {
      const own = metrics.ofComponent(component);
      own.counter({ name: "uncouple_things_total", help: "Things\nin two lines." }).inc(count);
      own.gauge({ name: "uncouple_absent", help: "Absent." }).remove();
    }
    const text = await metrics.text();
    expect(text.match(/^# HELP uncouple_things_total .*$/gm)).toHaveLength(1);
    expect(text).toContain(
      [
        "# TYPE uncouple_things_total counter",
        'uncouple_things_total{service="trainer",pipeline="demo",component="m1"} 1',
        'uncouple_things_total{service="trainer",pipeline="demo",component="m2"} 2',
        "",
      ].join("\n"),
    );
    expect(text).toContain("# TYPE uncouple_absent gauge\n");
    expect(text.match(/^uncouple_build_info\{.*$/gm)).toEqual([expect.not.stringContaining("component=")]);
  });

  test("a metric's own label overrides the service's label", async () => {
    const metrics = create();
    metrics.counter({ name: "uncouple_verdicts_total", help: "V.", labels: ["component"] }).inc({ component: "m1" });
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_verdicts_total\{component="m1",service="trainer",pipeline="demo"\} 1/);
  });

  test("a state gauge is 1 for the state at the scrape and 0 for the others", async () => {
    const metrics = create();
    let state: "up" | "down" = "down";
    metrics.states({ name: "uncouple_link_state", help: "Link.", states: ["up", "down"], read: () => state });
    state = "up";
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_link_state\{state="up".*\} 1/);
    expect(text).toMatch(/uncouple_link_state\{state="down".*\} 0/);
  });

  test("RPCs are counted by method and code, and only unary RPCs are timed", async () => {
    const metrics = create();
    const observe = rpcMetrics(metrics);
    observe({ method: "uncouple.v1.Trainer/GetRun", code: "NOT_FOUND", stream: false, seconds: 0.003 });
    observe({ method: "uncouple.v1.Trainer/WatchRun", code: "OK", stream: true, seconds: 1000 });
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_rpc_handled_total\{method="uncouple.v1.Trainer\/GetRun",code="NOT_FOUND".*\} 1/);
    expect(text).toMatch(/uncouple_rpc_handled_total\{method="uncouple.v1.Trainer\/WatchRun",code="OK".*\} 1/);
    expect(text).toMatch(/uncouple_rpc_duration_seconds_bucket\{le="0.005".*GetRun.*\} 1/);
    expect(text).not.toMatch(/uncouple_rpc_duration_seconds.*WatchRun/);
  });

  test.each([
    ["without the prefix", { name: "runs_total", help: "." }],
    ["that is not in snake case", { name: "uncouple_Runs_total", help: "." }],
    ["that does not end in _total", { name: "uncouple_runs", help: "." }],
    ["with a label of unbounded cardinality", { name: "uncouple_runs_total", help: ".", labels: ["run_id"] as const }],
  ])("refuse a counter %s", (_what, spec) => {
    expect(() => create().counter(spec)).toThrow(`metric ${spec.name}`);
  });

  test("refuse a histogram without a unit and a gauge named like a counter", () => {
    expect(() => create().histogram({ name: "uncouple_evaluation", help: ".", buckets: [1] })).toThrow("unit");
    expect(() => create().gauge({ name: "uncouple_runs_total", help: "." })).toThrow("_total");
  });
});
