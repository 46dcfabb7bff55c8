import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { type NatsConnection, openNatsConnection } from "../../../services/registry/jetstream/nats-connection.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";

let server: TestNats;
let connection: NatsConnection;

beforeAll(async () => {
  server = await startTestNats();
  connection = await openNatsConnection({ clock: systemClock, url: server.url, name: "test", log: () => {} });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

test("a message is not asked for once its signal has aborted", async () => {
  const asked: string[] = [];
  connection.subscribe("questions", (message) => asked.push(message.string()));
  expect(await connection.await("questions", "early", 60_000, AbortSignal.abort())).toBeUndefined();
  const leaving = new AbortController();
  const waiting = connection.await("questions", "late", 60_000, leaving.signal);
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  leaving.abort();
  expect(await waiting).toBeUndefined();
  expect(asked).toEqual(["late"]);
});

test("a client leaves a server that is stopped, even with output that the server does not read", async () => {
  const other = await startTestNats();
  const both = `${server.url},${other.url}`;
  const client = await openNatsConnection({ clock: systemClock, url: both, name: "leaving", log: () => {} });
  const echoes = await Promise.all(
    [server, other].map((one) => openNatsConnection({ clock: systemClock, url: one.url, name: "echo", log: () => {} })),
  );
  try {
    const heard = echoes.map((echo) => new Promise<void>((resolve) => void echo.subscribe("here", () => resolve())));
    // The servers know the subscriptions once they have answered what was sent after them.
    await Promise.all(echoes.map((echo) => echo.request("$JS.API.INFO")));
    client.send("here", "");
    const stopped = await Promise.race(heard.map(async (one, index) => one.then(() => [server, other][index])));
    stopped?.signal("SIGSTOP");
    const chunk = new Uint8Array(1_000_000);
    const requests = Array.from({ length: 20 }, () => client.request("nowhere", chunk));
    const outcomes = await Promise.allSettled(requests);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    await expect(client.request("$JS.API.INFO")).resolves.toBeDefined();
    stopped?.signal("SIGCONT");
  } finally {
    await Promise.all([client, ...echoes].map((one) => one.close()));
    await other.stop();
  }
});
