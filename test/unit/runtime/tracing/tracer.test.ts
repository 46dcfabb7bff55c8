import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { parseTraceparent } from "../../../../services/runtime/tracing/traceparent.ts";
import { createTracer, inSpan, noTracing } from "../../../../services/runtime/tracing/tracer.ts";
import { recordingExporter } from "../../../helpers/recording-exporter.ts";

test("a span has the time of its work, its parent, what was set, and why it failed", async () => {
  const clock = createVirtualClock();
  const began = clock.now();
  const { spans, exporter } = recordingExporter();
  const tracer = createTracer(clock, exporter);
  const outer = tracer.start("run", { kind: "server", attributes: { a: 1 } });
  const failing = inSpan(tracer, "train", { kind: "internal", parent: outer.traceparent }, async (span) => {
    span.set({ b: true });
    await clock.sleep(1_500);
    throw new UncoupleError("conflict", "another process published");
  });
  const failed = expect(failing).rejects.toThrow("another process published");
  await clock.advance(1_500);
  await failed;
  outer.set({ c: "x" });
  outer.end();
  outer.end(new Error("too late"));
  const [train, run] = spans;
  expect(spans).toHaveLength(2);
  expect(run).toMatchObject({ name: "run", parent: undefined, attributes: { a: 1, c: "x" }, error: undefined });
  expect(train).toMatchObject({
    name: "train",
    kind: "internal",
    parent: run?.context,
    attributes: { b: true },
    startedAt: began,
    endedAt: began + 1_500,
    error: "another process published",
  });
});

test("a trace that its caller does not sample is passed on and not recorded", () => {
  const { spans, exporter } = recordingExporter();
  const tracer = createTracer(createVirtualClock(), exporter);
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const span = tracer.start("run", { kind: "server", parent });
  expect(parseTraceparent(span.traceparent)).toMatchObject({ traceId: parent.slice(3, 35), sampled: false });
  span.end();
  expect(spans).toEqual([]);
});

test("a process without tracing passes on what others have begun", () => {
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect(noTracing.start("run", { kind: "server", parent }).traceparent).toBe(parent);
  expect(noTracing.start("run", { kind: "server" }).traceparent).toBeUndefined();
  expect(noTracing.start("run", { kind: "server", parent: "nonsense" }).traceparent).toBeUndefined();
});
