import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { retryWhileUnavailable } from "../../../../services/trainer/runs/retry-while-unavailable.ts";
import { recordingLog } from "../../../helpers/log.ts";

const unavailable = new UncoupleError("unavailable", "no answer");

function begin(work: () => Promise<string>) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const { log, records } = recordingLog();
  const waits: (string | null)[] = [];
  const onWait = (what: string | null) => void waits.push(what);
  const outcome = retryWhileUnavailable(
    "publishing the snapshot",
    { seconds: 900, signal: stop.signal, clock, log, onWait },
    work,
  );
  outcome.catch(() => {});
  return { clock, stop, records, waits, outcome };
}

test("work succeeds once the server is back, and each retry is logged", async () => {
  let failures = 3;
  const { clock, records, outcome } = begin(async () => {
    if (failures-- > 0) throw unavailable;
    return "published";
  });
  await clock.advance(250 + 500 + 1_000);
  expect(await outcome).toBe("published");
  expect(records.map(({ message }) => message)).toEqual(
    Array.from({ length: 3 }, () => "publishing the snapshot: no answer; trying again"),
  );
});

test("what is unavailable is told before each delay, and that it is over in the end", async () => {
  let failures = 2;
  const back = begin(async () => {
    if (failures-- > 0) throw unavailable;
    return "published";
  });
  await back.clock.advance(250 + 500);
  await back.outcome;
  expect(back.waits).toEqual(["no answer", "no answer", null]);
  const { clock, waits, outcome } = begin(() => Promise.reject(unavailable));
  await clock.advance(905_000);
  await expect(outcome).rejects.toThrow("gave up");
  expect(waits.at(-1)).toBeNull();
  const { waits: none, outcome: at } = begin(async () => "once");
  await at;
  expect(none).toEqual([]);
});

test("work fails once the time limit is exceeded, naming the option", async () => {
  const { clock, outcome } = begin(() => Promise.reject(unavailable));
  await clock.advance(895_000 - 1);
  expect(clock.pending).toBe(1);
  await clock.advance(5_001);
  await expect(outcome).rejects.toMatchObject({
    code: "unavailable",
    message: "gave up publishing the snapshot after 900 s (option unavailableSeconds): no answer",
    cause: unavailable,
  });
});

test("work aborted during an outage throws the abort reason and is not retried", async () => {
  let tries = 0;
  const { clock, stop, outcome } = begin(() => {
    tries++;
    return Promise.reject(unavailable);
  });
  await clock.advance(100);
  const reason = new UncoupleError("cancelled", "the run was cancelled");
  stop.abort(reason);
  await expect(outcome).rejects.toBe(reason);
  expect(tries).toBe(1);
});

test("other errors are thrown unchanged", async () => {
  const { outcome } = begin(() => Promise.reject(new UncoupleError("conflict", "another process published")));
  await expect(outcome).rejects.toMatchObject({ code: "conflict" });
});
