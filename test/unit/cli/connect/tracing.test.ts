import { expect, test } from "vitest";
import { openTracer } from "../../../../services/cli/connect/tracing.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { noTracing } from "../../../../services/runtime/tracing/tracer.ts";

const open = (endpoint?: string) =>
  openTracer(
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, clock: createVirtualClock() },
    "trainer",
    expect.unreachable,
  );

test("nothing is traced unless OTEL_EXPORTER_OTLP_ENDPOINT is set", async () => {
  expect(await open()).toBe(noTracing);
  expect(await open("")).toBe(noTracing);
  const tracer = await open("http://127.0.0.1:4318");
  expect(tracer.start("run", { kind: "server" }).traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test.each(["collector:4318", "grpc://collector:4317", "nonsense"])("%s is not an endpoint", async (endpoint) => {
  await expect(open(endpoint)).rejects.toMatchObject({
    code: "invalid-argument",
    message: `OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, not ${endpoint}`,
  });
});
