import { afterAll, beforeAll, expect, test } from "vitest";
import { type Link, openLink } from "../../../services/registry/jetstream/nats-connection.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";

let server: TestNats;
let link: Link;

beforeAll(async () => {
  server = await startTestNats();
  link = await openLink({ url: server.url, name: "test", log: () => {} });
});
afterAll(async () => {
  await link.close();
  await server.stop();
});

test("a message is not asked for once its signal has aborted", async () => {
  const asked: string[] = [];
  link.subscribe("questions", (message) => asked.push(message.string()));
  expect(await link.await("questions", "early", 60_000, AbortSignal.abort())).toBeUndefined();
  const leaving = new AbortController();
  const waiting = link.await("questions", "late", 60_000, leaving.signal);
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  leaving.abort();
  expect(await waiting).toBeUndefined();
  expect(asked).toEqual(["late"]);
});
