import { afterEach, describe, expect, test } from "vitest";
import { type HealthHttp, serveHealthHttp } from "../../../services/runtime/http.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

const servers: HealthHttp[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(settings: Partial<Parameters<typeof serveHealthHttp>[0]> = {}) {
  const metrics = createMetrics({ service: "test", version: "0" });
  const common = { host: "127.0.0.1", port: 0, metrics, live: () => undefined, ready: {} };
  const server = await serveHealthHttp({ ...common, ...settings });
  servers.push(server);
  return {
    server,
    get: async (path: string, init?: RequestInit) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    },
  };
}

describe("health over HTTP", () => {
  test("lists failed readiness checks, and reports ready once all pass", async () => {
    let nats: string | undefined = "reconnecting";
    const { get } = await serve({ ready: { nats: () => nats, data: () => "loading", engine: () => undefined } });
    expect(await get("/readyz")).toMatchObject({
      status: 503,
      text: "not ready\nnats: reconnecting\ndata: loading\n",
    });
    nats = undefined;
    expect(await get("/readyz")).toMatchObject({ status: 503, text: "not ready\ndata: loading\n" });
    const fine = await serve({ ready: { nats: () => undefined } });
    expect(await fine.get("/readyz?verbose")).toMatchObject({ status: 200, text: "ready\n" });
  });

  test("is ready while one of its parts is, and lists those that are not", async () => {
    let m1: string | undefined = "loading";
    let nats: string | undefined;
    const parts = { m1: () => m1, m2: () => "bad rows" };
    const { get } = await serve({ ready: { nats: () => nats }, parts });
    expect(await get("/readyz")).toMatchObject({ status: 503, text: "not ready\nm1: loading\nm2: bad rows\n" });
    m1 = undefined;
    expect(await get("/readyz")).toMatchObject({ status: 200, text: "ready\nm2: bad rows\n" });
    expect(await get("/readyz/m1")).toMatchObject({ status: 200, text: "ready\n" });
    expect(await get("/readyz/m2")).toMatchObject({ status: 503, text: "not ready\nm2: bad rows\n" });
    expect(await get("/readyz/toString")).toMatchObject({
      status: 404,
      text: "not found; available: /metrics, /livez, /readyz, /readyz/m1, /readyz/m2\n",
    });
    nats = "reconnecting";
    expect(await get("/readyz")).toMatchObject({
      status: 503,
      text: "not ready\nnats: reconnecting\nm2: bad rows\n",
    });
    expect(await get("/readyz/m1")).toMatchObject({ status: 503 });
  });

  test("reports whether the process must be restarted", async () => {
    let state: string | undefined;
    const { get } = await serve({ live: () => state });
    expect(await get("/livez")).toMatchObject({ status: 200, text: "alive\n" });
    state = "FAILED";
    expect(await get("/livez")).toMatchObject({ status: 503, text: "not alive\nprocess: FAILED\n" });
  });

  test("serves metrics in the Prometheus format", async () => {
    const { get } = await serve();
    expect(await get("/metrics")).toMatchObject({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      text: expect.stringContaining("uncouple_build_info"),
    });
  });

  test("refuses other paths and methods", async () => {
    const { get } = await serve();
    expect(await get("/")).toMatchObject({ status: 404 });
    expect(await get("/metrics", { method: "POST" })).toMatchObject({ status: 405 });
  });

  test("answers 500 if a check throws", async () => {
    const { get } = await serve({
      ready: {
        data: () => {
          throw new Error("broken check");
        },
      },
    });
    expect(await get("/readyz")).toMatchObject({ status: 500, text: "broken check\n" });
    expect(await get("/livez")).toMatchObject({ status: 200 });
  });

  test("throws a typed error that names a port in use", async () => {
    const { server } = await serve();
    await expect(serve({ port: server.port })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(`127.0.0.1:${server.port}`),
    });
  });

  test("closes despite a keep-alive connection, and can be closed twice", async () => {
    const { server, get } = await serve();
    await get("/livez");
    await server.close();
    await server.close();
    await expect(get("/livez")).rejects.toThrow("fetch failed");
  });
});
