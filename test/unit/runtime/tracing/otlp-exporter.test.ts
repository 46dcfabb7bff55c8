import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { createOtlpExporter } from "../../../../services/runtime/tracing/otlp-exporter.ts";
import { createTracer } from "../../../../services/runtime/tracing/tracer.ts";

interface Received {
  readonly url: string | undefined;
  readonly body: { resourceSpans: { scopeSpans: { spans: { name: string; startTimeUnixNano: string }[] }[] }[] };
}

let server: Server;
let received: Received[];
let status: number;

beforeEach(async () => {
  received = [];
  status = 200;
  server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    request.on("end", () => {
      received.push({ url: request.url, body: JSON.parse(text) });
      response.writeHead(status).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open() {
  const clock = createVirtualClock();
  const warnings: string[] = [];
  const { port } = server.address() as AddressInfo;
  const settings = { endpoint: `http://127.0.0.1:${port}/`, resource: { "service.name": "t" }, version: "1.2.3" };
  const exporter = createOtlpExporter(settings, { clock, warn: (message) => warnings.push(message) });
  return { clock, warnings, tracer: createTracer(clock, exporter) };
}
const names = () =>
  received.map(({ body }) => body.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name).join());

test("ended spans are sent together, in the encoding of OTLP", async () => {
  const { clock, tracer } = open();
  await clock.advance(1_234.5);
  const run = tracer.start("run", { kind: "server", attributes: { text: "x", number: 1.5, flag: true } });
  tracer.start("publish", { kind: "producer", parent: run.traceparent }).end(new Error("full"));
  run.end();
  await tracer.close();
  const [, traceId, spanId] = (run.traceparent ?? "").split("-");
  expect(received).toHaveLength(1);
  expect(received[0]).toMatchObject({
    url: "/v1/traces",
    body: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "t" } }] },
          scopeSpans: [
            {
              scope: { name: "uncouple", version: "1.2.3" },
              spans: [
                { name: "publish", kind: 4, traceId, parentSpanId: spanId, status: { code: 2, message: "full" } },
                {
                  name: "run",
                  kind: 2,
                  traceId,
                  spanId,
                  startTimeUnixNano: "1234500000",
                  attributes: [
                    { key: "text", value: { stringValue: "x" } },
                    { key: "number", value: { doubleValue: 1.5 } },
                    { key: "flag", value: { boolValue: true } },
                  ],
                  status: {},
                },
              ],
            },
          ],
        },
      ],
    },
  });
});

test("spans that a receiver refuses are sent again with the next ones, and warned about once", async () => {
  const { clock, warnings, tracer } = open();
  status = 503;
  tracer.start("a", { kind: "internal" }).end();
  for (let sent = 1; sent <= 2; sent++) {
    await clock.advance(2_000);
    await expect.poll(() => received.length).toBe(sent);
  }
  status = 200;
  tracer.start("b", { kind: "internal" }).end();
  await tracer.close();
  expect(names()).toEqual(["a", "a", "a,b"]);
  expect(warnings).toEqual([expect.stringMatching(/^cannot send traces to http.*: status 503; still trying$/)]);
});

test("without a receiver, spans are kept up to a limit, and closing does not fail", async () => {
  const { warnings, tracer } = open();
  server.close();
  for (let i = 0; i < 3_000; i++) tracer.start("a", { kind: "internal" }).end();
  await tracer.close();
  expect(warnings).toEqual([expect.stringContaining("ECONNREFUSED")]);
});
