import { execFile } from "node:child_process";
import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { startServer, type TestServer } from "./processes.ts";
import { startWatchedStack, type WatchedStack } from "./stack.ts";

const run = promisify(execFile);

/**
 * The collector of OTEL_COLLECTOR, or else one that Go builds from the modules of opentelemetry.io: minutes the first
 * time. It stays for later runs.
 */
async function collectorBinary(): Promise<string> {
  const given = process.env.OTEL_COLLECTOR;
  if (given !== undefined) return given;
  const folder = join(tmpdir(), "uncouple-otel-collector");
  const binary = join(folder, "collector");
  if ((await stat(binary).catch(() => undefined)) !== undefined) return binary;
  await mkdir(folder, { recursive: true });
  for (const file of ["go.mod", "main.go"]) {
    await copyFile(join(import.meta.dirname, "collector", file), join(folder, file));
  }
  console.log("building an OpenTelemetry Collector, which takes minutes");
  // Under another name first: an interrupted build must not look like a collector.
  await run("go", ["build", "-mod=mod", "-o", `${binary}.new`, "."], { cwd: folder });
  await run("mv", [`${binary}.new`, binary]);
  return binary;
}

interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly id: string;
  readonly parent: string;
  readonly kind: string;
  readonly status: string;
  readonly service: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What the collector's debug exporter has printed. */
function received(output: string): readonly ReceivedSpan[] {
  return output.split(/ResourceSpans #\d+$/m).flatMap((resource) => {
    const [, service = ""] = /service\.name: Str\((.*)\)/.exec(resource) ?? [];
    const [, ...spans] = resource.split(/^Span #\d+$/m);
    return spans.map((text) => {
      const field = (name: string) => new RegExp(`^ *${name} *: (.*)$`, "m").exec(text)?.[1] ?? "";
      const attributes = [...text.matchAll(/-> ([\w.]+): \w+\((.*)\)/g)].map(([, key, value]) => [key, value]);
      return {
        service,
        name: field("Name"),
        traceId: field("Trace ID"),
        id: field("ID"),
        parent: field("Parent ID"),
        kind: field("Kind"),
        status: field("Status code"),
        attributes: Object.fromEntries(attributes) as Record<string, string>,
      };
    });
  });
}

let collector: TestServer;
let world: WatchedStack;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  const binary = await collectorBinary();
  const port = await freePort();
  const config = join(tmpdir(), `uncouple-collector-${process.pid}.yaml`);
  await writeFile(
    config,
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { debug: { verbosity: "detailed" } },
      service: {
        telemetry: { metrics: { level: "none" } },
        pipelines: { traces: { receivers: ["otlp"], exporters: ["debug"] } },
      },
    }),
  );
  const endpoint = `http://127.0.0.1:${port}`;
  // It answers a GET with "method not allowed" once it listens.
  collector = await startServer(binary, ["--config", config], async () => (await fetch(endpoint)).status > 0);
  environment = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  world = await startWatchedStack(environment);
}, 1_200_000);
afterAll(async () => {
  await world?.stop();
  await collector?.stop();
});

test("a collector receives one trace from uncouple train to the verdict, across three processes and NATS", async () => {
  await world.command("train", "m1", "--follow");
  // Each process sends its own, in any order.
  const names = () => received(collector.output()).map(({ name }) => name);
  await expect
    .poll(() => names().sort(), { timeout: 30_000 })
    .toEqual(["judge", "publish", "run", "train", "uncouple train"]);
  const spans = received(collector.output());
  const of = (name: string) => spans.find((span) => span.name === name);
  const [command, ran, trained, published, judged] = ["uncouple train", "run", "train", "publish", "judge"].map(of);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(command).toMatchObject({ service: "uncouple-cli", parent: "", kind: "Client" });
  expect(ran).toMatchObject({ service: "uncouple-trainer", parent: command?.id, kind: "Server", status: "Unset" });
  expect(trained).toMatchObject({ service: "uncouple-trainer", parent: ran?.id, kind: "Internal" });
  expect(published).toMatchObject({ service: "uncouple-trainer", parent: ran?.id, kind: "Producer" });
  expect(judged).toMatchObject({ service: "uncouple-evaluator", parent: published?.id, kind: "Consumer" });
  expect(ran?.attributes).toMatchObject({ "uncouple.snapshot": "m1@1", "uncouple.trigger": "request" });
  expect(judged?.attributes).toMatchObject({ "uncouple.snapshot": "m1@1", "uncouple.outcome": "verdict" });
});

test("a request that is refused is a span with an error", async () => {
  await expect(world.command("train", "m1", "--protocol", "proximal", "--param", "sigma=-1")).rejects.toThrow();
  const failed = () => received(collector.output()).filter(({ status }) => status === "Error");
  await expect.poll(() => failed().length, { timeout: 30_000 }).toBe(1);
  expect(failed()).toMatchObject([{ name: "uncouple train", service: "uncouple-cli", parent: "" }]);
});
