import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { retryWhileUnavailable } from "../../../../services/trainer/runs/retry-while-unavailable.ts";
import { recordingLog } from "../../../helpers/log.ts";

const away = new UncoupleError("unavailable", "no answer");

function begin(work: () => Promise<string>) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const { log, records } = recordingLog();
  const outcome = retryWhileUnavailable(
    "publishing the snapshot",
    { seconds: 900, signal: stop.signal, clock, log },
    work,
  );
  outcome.catch(() => {});
  return { clock, stop, records, outcome };
}

test("work goes on when the server is back, and the log says why it took long", async () => {
  let failures = 3;
  const { clock, records, outcome } = begin(async () => {
    if (failures-- > 0) throw away;
    return "published";
  });
  await clock.advance(250 + 500 + 1_000);
  expect(await outcome).toBe("published");
  expect(records.map(({ message }) => message)).toEqual(
    Array.from({ length: 3 }, () => "publishing the snapshot: no answer; trying again"),
  );
});

test("work is given up when the time is over, with the name of the option", async () => {
  const { clock, outcome } = begin(() => Promise.reject(away));
  await clock.advance(895_000 - 1);
  expect(clock.pending).toBe(1);
  await clock.advance(5_001);
  await expect(outcome).rejects.toMatchObject({
    code: "unavailable",
    message: "publishing the snapshot was given up after 900 s (option unavailableSeconds): no answer",
    cause: away,
  });
});

test("work that is stopped in an outage ends with why it was stopped, and is not tried again", async () => {
  let tries = 0;
  const { clock, stop, outcome } = begin(() => {
    tries++;
    return Promise.reject(away);
  });
  await clock.advance(100);
  const reason = new UncoupleError("cancelled", "the run was cancelled");
  stop.abort(reason);
  await expect(outcome).rejects.toBe(reason);
  expect(tries).toBe(1);
});

test("another error is thrown as it is", async () => {
  const { outcome } = begin(() => Promise.reject(new UncoupleError("conflict", "somebody else published")));
  await expect(outcome).rejects.toMatchObject({ code: "conflict" });
});
