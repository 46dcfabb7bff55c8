import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createMlflowRequests } from "../../../services/tracking/mlflow-requests.ts";
import { type AnsweringServer, openAnsweringServer } from "../../helpers/answering-server.ts";

let server: AnsweringServer;
beforeEach(async () => {
  server = await openAnsweringServer();
});
afterEach(() => server.close());

function open(url = server.url) {
  const clock = createVirtualClock();
  const requests = createMlflowRequests({ url, authorization: "Basic canary" }, clock);
  const { signal } = new AbortController();
  return { clock, requests, ask: () => requests.call("GET", "runs/get", { run_id: "a b" }, signal), signal };
}

test("parameters of a GET are in its query, files keep their names", async () => {
  const { requests, ask, signal } = open();
  server.answer = { status: 200, body: '{"x":1}' };
  expect(await ask()).toEqual({ x: 1 });
  await requests.putArtifact("0/a b/model/MLmodel", Buffer.from("text"), signal);
  expect(server.taken).toEqual([
    { method: "GET", url: "/api/2.0/mlflow/runs/get?run_id=a+b", authorization: "Basic canary", body: "" },
    {
      method: "PUT",
      url: "/api/2.0/mlflow-artifacts/artifacts/0/a%20b/model/MLmodel",
      authorization: "Basic canary",
      body: "text",
    },
  ]);
});

test.each([
  [{ status: 403 }, "unauthenticated", /refuses the credentials \(status 403\)/],
  [{ status: 429 }, "unavailable", /^it answered with status 429$/],
  [{ status: 404, body: "<html>" }, "failed-precondition", /^status 404$/],
  [
    { status: 404, body: '{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"none"}' },
    "failed-precondition",
    /^status 404, RESOURCE_DOES_NOT_EXIST: none$/,
  ],
  [{ status: 200, body: "<html>" }, "unavailable", /is it an MLflow server/],
])("the answer %j", async (answer, code, message) => {
  server.answer = answer;
  await expect(open().ask()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test("a redirect is not followed: it could send credentials elsewhere", async () => {
  server.answer = { status: 302, location: `${server.url}/elsewhere` };
  await expect(open().ask()).rejects.toMatchObject({ code: "failed-precondition", message: "status 302" });
  expect(server.taken).toHaveLength(1);
});

test("a silent server is given 10 s, an absent one is unavailable", async () => {
  server.answer = "silence";
  const { clock, ask } = open();
  const asked = expect(ask()).rejects.toMatchObject({ code: "deadline-exceeded", message: "no answer within 10 s" });
  await vi.waitFor(() => expect(server.taken).toHaveLength(1));
  await clock.advance(10_000);
  await asked;
  await expect(open("http://127.0.0.1:9").ask()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/^the request failed/),
  });
});
