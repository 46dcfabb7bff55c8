import { expect, test } from "vitest";
import { runFaultSchedule } from "../../helpers/fault-schedules.ts";

/** 100 schedules unless told otherwise: `npm run test:faults` runs 1,000. */
const schedules = Number(process.env.FAULT_SCHEDULES ?? 100);

test(`${schedules} schedules of lost, delayed and repeated calls break no promise of the registry`, {
  timeout: schedules * 2_000,
}, async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    const outcome = await runFaultSchedule(seed).catch((thrown: unknown) => thrown);
    expect(outcome, `seed ${seed}`).toBeUndefined();
  }
});
