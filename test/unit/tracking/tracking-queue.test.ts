import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AnsweringServer, openAnsweringServer } from "../../helpers/answering-server.ts";
import { trackInProcess } from "../../helpers/mlflow/track-in-process.ts";

let server: AnsweringServer;
beforeEach(async () => {
  server = await openAnsweringServer();
});
afterEach(() => server.close());

function open() {
  const { requests, queue, ...rest } = trackInProcess(server.url);
  return {
    ...rest,
    queue,
    add: (name: string) =>
      queue.add(name, async (signal) => {
        await requests.call("POST", name, {}, signal);
      }),
  };
}
const names = () => server.taken.map(({ url }) => url.split("/").at(-1));

test("works are done in order; waiting work of the same key is done once", async () => {
  const { add, queue, until, clock, dropped } = open();
  for (const name of ["a", "b", "a", "c"]) add(name);
  expect(queue.size()).toBe(3);
  await until(() => expect(names()).toEqual(["a", "b", "c"]));
  add("a");
  await until(() => expect(names()).toEqual(["a", "b", "c", "a"]));
  expect(server.taken[0]).toMatchObject({ method: "POST", url: "/api/2.0/mlflow/a", authorization: "Bearer canary" });
  await queue.close();
  await clock.advance(10_000);
  expect(dropped()).toBe(0);
});

test.each([
  [503, "it answered with status 503"],
  [401, "it refuses the credentials (status 401)"],
])("a server that answers with %d is tried again and warned about once; nothing is lost", async (status, says) => {
  const { add, queue, until, warnings, dropped } = open();
  server.answer = { status, body: '{"error_code":"X","message":"canary"}' };
  add("a");
  add("b");
  await until(() => expect(names().length).toBeGreaterThan(4));
  expect(new Set(names())).toEqual(new Set(["a"]));
  expect(warnings).toEqual([expect.stringContaining(says)]);
  server.answer = { status: 200 };
  await until(() => expect(names().at(-1)).toBe("b"));
  server.answer = { status };
  add("c");
  await until(() => expect(warnings).toHaveLength(2));
  expect(warnings.join()).not.toContain("canary");
  expect(dropped()).toBe(0);
  await queue.close();
  expect(dropped()).toBe(1);
});

test.each([
  [400, 3],
  [500, 10],
])("what the server answers with %d is dropped after %d times, and the next work goes on", async (status, times) => {
  const { add, queue, until, warnings, dropped } = open();
  server.answer = { status, body: '{"error_code":"INVALID_PARAMETER_VALUE","message":"no\\nsuch thing"}' };
  add("a");
  await until(() => expect(dropped()).toBe(1));
  expect(names()).toEqual(Array(times).fill("a"));
  const why = `status ${status}, INVALID_PARAMETER_VALUE: no such thing`;
  expect(warnings).toEqual([
    `tracking: cannot log to the MLflow server: ${why}; still trying`,
    `tracking: gave up on a request to the MLflow server: ${why}`,
  ]);
  server.answer = { status: 200 };
  add("b");
  await until(() => expect(names().at(-1)).toBe("b"));
  await queue.close();
});

test("with too much to do, the oldest is dropped and counted", async () => {
  const { add, queue, dropped, until } = open();
  server.answer = { status: 503 };
  for (let index = 0; index < 300; index++) add(`w${index}`);
  expect(queue.size()).toBe(256);
  expect(dropped()).toBe(44);
  server.answer = { status: 200 };
  await until(() => expect(queue.size()).toBe(0));
  expect(names()[0]).toBe("w44");
  expect(names().at(-1)).toBe("w299");
  await queue.close();
});

test("a close does what is left", async () => {
  const { add, queue, dropped } = open();
  add("a");
  add("b");
  await queue.close();
  expect(names()).toEqual(["a", "b"]);
  expect(dropped()).toBe(0);
  add("c");
  expect(dropped()).toBe(1);
});

test("a silent server delays a close by 2 s, and what is left is dropped", async () => {
  const { add, queue, clock, dropped } = open();
  server.answer = "silence";
  for (const name of ["a", "b", "c"]) add(name);
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await vi.waitFor(() => expect(names()).toEqual(["a"]));
  await clock.advance(1_900);
  expect(closed).toBe(false);
  await clock.advance(100);
  await closing;
  await vi.waitFor(() => expect(dropped()).toBe(3));
  expect(names()).toEqual(["a"]);
});
