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
