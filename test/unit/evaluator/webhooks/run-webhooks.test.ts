import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { runWebhooks, type WebhooksDeps } from "../../../../services/evaluator/webhooks/run-webhooks.ts";
import { WEBHOOK_EVENTS, type Webhook } from "../../../../services/pipeline/gate.ts";
import type { Decision, LedgerEntry } from "../../../../services/pipeline/release.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { collect } from "../../../../services/registry/logged.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { createFailureReporter } from "../../../../services/runtime/failure-reporter.ts";
import { decision, order, release, served } from "../../../helpers/drafts.ts";
import { recordingLog } from "../../../helpers/log.ts";
import { isSigned, startReceiver, type WebhookReceiver } from "../../../helpers/webhook-receiver.ts";

const SECRET = "correct horse battery staple";

let dir: string;
let secretFile: string;
let clock: VirtualClock;
let backplane: Backplane;
let receiver: WebhookReceiver;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-hooks-"));
  secretFile = join(dir, "hook.key");
  await writeFile(secretFile, `${SECRET}\n`);
  clock = createVirtualClock(Date.parse("2026-03-02T12:00:00.000Z"));
  backplane = createMemoryBackplane("demo", { clock });
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await backplane.close();
  await receiver.stop();
  await rm(dir, { recursive: true, force: true });
});

/** An evaluator that tells webhooks. @returns what it logged, and how to stop it */
function start(webhooks: readonly Partial<Webhook>[] = [{}], change: Partial<WebhooksDeps> = {}) {
  const { log, records } = recordingLog();
  const attempts: string[] = [];
  const over = new AbortController();
  const running = runWebhooks(
    {
      evaluator: "e1",
      pipeline: "demo",
      webhooks: webhooks.map((webhook) => ({ url: receiver.url, on: WEBHOOK_EVENTS, secretFile, ...webhook })),
      backplane,
      applied: {
        opens: async () => {},
        closes: (signal) => new Promise((end) => signal.addEventListener("abort", () => end())),
      },
      metrics: { waiting: () => () => {}, attempted: (outcome) => void attempts.push(outcome) },
      reportFailure: createFailureReporter(log, () => {}),
      clock,
      ...change,
    },
    over.signal,
  );
  const stop = async () => {
    over.abort(new UncoupleError("cancelled", "stopping"));
    await running;
  };
  stops.push(stop);
  return { stop, records, attempts };
}

/** Lets time go by until a check passes: requests take real time. */
async function passes(check: () => void | Promise<void>, step = 50): Promise<void> {
  await vi.waitFor(
    async () => {
      await clock.advance(step);
      await check();
    },
    { timeout: 15_000, interval: 5 },
  );
}

/** Until the ledger says that every webhook has seen its end, or that there are so many notes. */
async function noted(count: number): Promise<void> {
  await passes(async () => expect((await entries()).filter(({ entry }) => entry === "delivered")).toHaveLength(count));
}

const entries = (): Promise<readonly LedgerEntry[]> => collect(backplane.ledger.read(0));
const append = async (entry: LedgerEntry) => (await backplane.ledger.append(entry)) as number;
const events = (from = receiver) => from.received.map(({ body }) => body.event);

test("a webhook gets what it asks for, signed, in the order of the ledger", async () => {
  start([{ on: ["held", "spent", "released", "rolled-back"] }]);
  await noted(1);
  const held: Partial<Decision> = { decision: "held", release: 0 };
  await append(decision({ m1: 1 }, { ...held, reasons: ["inconclusive"] }));
  await append(order("hold", []));
  await append(decision({ m1: 2 }, { decision: "refused", release: 0, reasons: ["worse"] }));
  await append(decision({ m1: 2 }, { decision: "void", release: 0, reasons: ["moved"] }));
  await append(decision({ m1: 3 }, { ...held, reasons: ["spent"] }));
  await append(release(1));
  await append(served("web", 1));
  const last = await append(release(2, { kind: "rollback" }));
  await noted(5);
  expect(events()).toEqual(["held", "spent", "released", "rolled-back"]);
  expect(receiver.received.at(-1)).toMatchObject({
    path: "/hook",
    headers: { "content-type": "application/json", "uncouple-delivery": `demo/${last}` },
    body: {
      ...{ version: 1, event: "rolled-back", pipeline: "demo", position: last, release: { number: 2 } },
      text: "demo: release 2 rolls back (newest judged snapshots): m1@2; see `uncouple release 2`",
    },
  });
  expect(receiver.received[0]?.body.text).toBe(
    "demo: m1@1 held (inconclusive), against release 0; see `uncouple decisions m1@1`",
  );
  for (const one of receiver.received) {
    expect(isSigned(one, SECRET, clock.now())).toBe(true);
    expect(isSigned(one, "wrong", clock.now())).toBe(false);
    expect(isSigned({ ...one, text: one.text.replace("demo", "other") }, SECRET, clock.now())).toBe(false);
    expect(isSigned(one, SECRET, clock.now() + 3_600_000)).toBe(false);
  }
});

test("a webhook that asks for less gets the event that it knows", async () => {
  start([{ on: ["held", "released"] }]);
  await noted(1);
  await append(decision({ m1: 3 }, { decision: "held", release: 0, reasons: ["spent"] }));
  await append(release(1));
  await append(release(2, { kind: "rollback" }));
  await noted(4);
  expect(events()).toEqual(["held", "released", "released"]);
});

describe("a receiver", () => {
  test("that fails, hangs, redirects or dies gets everything in the end, in order, and nothing goes elsewhere", async () => {
    const elsewhere = await startReceiver();
    stops.push(() => elsewhere.stop());
    const { attempts } = start();
    await noted(1);
    const answers: WebhookReceiver["answer"][] = [
      (response) => void response.writeHead(500).end("no"),
      (response) => void response.writeHead(302, { location: elsewhere.url }).end(),
      (response) => void response.writeHead(307, { location: elsewhere.url }).end(),
      (response) => void response.destroy(),
      // No answer at all.
      () => {},
      (response) => void response.writeHead(404).end(),
    ];
    const acknowledge = receiver.answer;
    receiver.answer = (response, request) => (answers.shift() ?? acknowledge)(response, request);
    await append(release(1));
    await append(release(2));
    await passes(async () => expect(attempts.filter((one) => one === "failed").length).toBeGreaterThanOrEqual(6), 400);
    await noted(3);
    const { port } = receiver;
    await receiver.stop();
    await append(release(3));
    await passes(() => expect(attempts.filter((one) => one === "failed").length).toBeGreaterThanOrEqual(9), 500);
    const again = await startReceiver(port);
    stops.push(() => again.stop());
    await passes(() => expect(again.received.map(({ body }) => body.position)).toEqual([6]), 500);
    expect([...new Set(receiver.received.map(({ body }) => body.position))]).toEqual([2, 3]);
    expect(elsewhere.received).toEqual([]);
  });

  test("that is dead does not delay another one", async () => {
    const dead = await startReceiver();
    await dead.stop();
    const { attempts } = start([{ url: dead.url }, {}]);
    await noted(2);
    for (let number = 1; number <= 3; number++) await append(release(number));
    await passes(() => expect(events()).toEqual(["released", "released", "released"]));
    await passes(() => expect(attempts).toContain("failed"));
  });
});

describe("an evaluator", () => {
  test("that takes over goes on where the one before has stopped", async () => {
    const first = start();
    await noted(1);
    await append(release(1));
    await noted(2);
    await first.stop();
    await append(release(2));
    start([{}], { evaluator: "e2" });
    await noted(3);
    expect(receiver.received.map(({ headers }) => headers["uncouple-delivery"])).toEqual(["demo/2", "demo/4"]);
  });

  test("that dies between the acknowledgement and its note tells it once more", async () => {
    const ledger: Backplane["ledger"] = {
      ...backplane.ledger,
      async append(entry, after) {
        if (entry.entry === "delivered" && entry.position > 0) throw new UncoupleError("unavailable", "no connection");
        return backplane.ledger.append(entry, after);
      },
    };
    const dying = start([{}], { backplane: { ...backplane, ledger } });
    await noted(1);
    await append(release(1));
    await passes(() => expect(receiver.received).toHaveLength(1));
    // An outage of the store is no reason to tell it again.
    await clock.advance(60_000);
    await dying.stop();
    start();
    await noted(2);
    expect(receiver.received.map(({ body }) => body.position)).toEqual([2, 2]);
    expect(receiver.received[0]?.text).toBe(receiver.received[1]?.text);
  });

  test("beside another one tells nothing twice", async () => {
    start();
    start([{}], { evaluator: "e2" });
    await noted(1);
    for (let number = 1; number <= 5; number++) await append(release(number));
    await noted(6);
    expect(receiver.received).toHaveLength(5);
  });

  test("with a new webhook tells it what comes, not what was", async () => {
    await append(release(1));
    await append(release(2));
    start();
    await noted(1);
    await append(release(3));
    await noted(2);
    expect(receiver.received.map(({ body }) => body.text)).toEqual([expect.stringContaining("release 3")]);
  });
});

describe("secrets", () => {
  test("are in no log, nor is more of the URL than its origin, whatever fails", async () => {
    receiver.answer = (response) => void response.writeHead(500).end(SECRET);
    const dead = await startReceiver(0, "/T0KEN/x?key=T0KEN");
    await dead.stop();
    const { records, attempts } = start([{ url: `${receiver.url}/T0KEN?key=T0KEN` }, { url: dead.url }]);
    await noted(2);
    await append(release(1));
    await passes(() => expect(attempts.length).toBeGreaterThanOrEqual(4), 200);
    const logged = JSON.stringify(records);
    expect(logged).toContain(`telling webhook 1 (http://127.0.0.1:${receiver.port}): it answered with status 500`);
    expect(logged).toContain(`telling webhook 2 (http://127.0.0.1:${dead.port}): the request failed (ECONNREFUSED)`);
    expect(logged).not.toContain("T0KEN");
    expect(logged).not.toContain(SECRET);
    expect(JSON.stringify(await entries())).not.toContain("T0KEN");
  });

  test("can be replaced while it runs; without one, messages wait", async () => {
    const { records } = start();
    await noted(1);
    await append(release(1));
    await noted(2);
    await rm(secretFile);
    await append(release(2));
    await passes(() => expect(JSON.stringify(records)).toContain("cannot be read: no such file"));
    await writeFile(secretFile, "\n");
    await passes(() => expect(JSON.stringify(records)).toContain("is empty"), 500);
    await writeFile(secretFile, "another");
    await noted(3);
    const [first, second] = receiver.received;
    expect(first && isSigned(first, SECRET, clock.now())).toBe(true);
    expect(second && isSigned(second, "another", clock.now())).toBe(true);
  });
});

test("nothing is told while another pipeline file is in force", async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  start([{}], {
    applied: {
      opens: () => opened,
      closes: (signal) => new Promise((end) => signal.addEventListener("abort", () => end())),
    },
  });
  await clock.advance(60_000);
  expect(await entries()).toEqual([]);
  open();
  await noted(1);
});
