import * as z from "zod";
import { type FreezeWindow, MINUTES_A_WEEK } from "../gate.ts";
import { isRecord, parseWith, strict } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

const reason = z.string().min(1).max(500).optional();
const time = z.string().refine((text) => timeOf(text) !== undefined, {
  error: "must be a date or a time in UTC, such as 2026-12-20 or 2027-01-04T08:00Z",
});
const datesSchema = strict({ from: time, to: time, reason });
const weeklySchema = strict({
  weekly: z.string().refine((text) => weekOf(text) !== undefined, {
    error: "must be two days and times in UTC, such as fri 16:00 - mon 08:00",
  }),
  reason,
});

/** Parses the pipeline file's `freeze`, a list of windows. @returns undefined after reporting every problem */
export function parseFreeze(value: unknown, reporter: Reporter): readonly FreezeWindow[] | undefined {
  const list = parseWith(z.array(z.unknown()).min(1), value, ["freeze"], reporter);
  if (list === undefined) return undefined;
  const windows = list.map((entry, index) => parseWindow(entry, ["freeze", index], reporter));
  return windows.every((window) => window !== undefined) ? windows : undefined;
}

function parseWindow(value: unknown, path: Path, reporter: Reporter): FreezeWindow | undefined {
  if (isRecord(value) && "weekly" in value) {
    const parsed = parseWith(weeklySchema, value, path, reporter);
    if (parsed === undefined) return undefined;
    const [fromMinute, toMinute] = weekOf(parsed.weekly) as readonly [number, number];
    if (fromMinute !== toMinute) return { reason: parsed.reason ?? null, fromMinute, toMinute };
    reporter.report([...path, "weekly"], "begins and ends at the same minute");
    return undefined;
  }
  const parsed = parseWith(datesSchema, value, path, reporter);
  if (parsed === undefined) return undefined;
  const [from, to] = [timeOf(parsed.from), timeOf(parsed.to)] as readonly [string, string];
  if (from < to) return { reason: parsed.reason ?? null, from, to };
  reporter.report([...path, "to"], `must be later than from (${parsed.from})`);
  return undefined;
}

/** A date (its 00:00) or a time, in UTC, as ISO 8601 with milliseconds; undefined for anything else. */
function timeOf(text: string): string | undefined {
  const [, day, clock = "00:00"] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)Z?)?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const moment = new Date(`${day}T${clock.length === 5 ? `${clock}:00` : clock}.000Z`);
  // Dates such as 02-30 move on to March.
  return Number.isNaN(moment.getTime()) || !moment.toISOString().startsWith(day) ? undefined : moment.toISOString();
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** The minutes of the week, from Monday 00:00, that `fri 16:00 - mon 08:00` names. */
function weekOf(text: string): readonly [from: number, to: number] | undefined {
  const [from, to, ...more] = text.split(/\s+-\s+/).map(minuteOf);
  return from === undefined || to === undefined || more.length > 0 ? undefined : [from, to];
}

function minuteOf(text: string): number | undefined {
  const [, day = "", hour = "", minute = ""] = /^\s*([a-z]+)\s+(\d{1,2}):(\d\d)\s*$/i.exec(text) ?? [];
  const index = DAYS.indexOf(day.toLowerCase());
  if (index < 0 || Number(hour) > 23 || Number(minute) > 59) return undefined;
  return index * (MINUTES_A_WEEK / 7) + Number(hour) * 60 + Number(minute);
}
