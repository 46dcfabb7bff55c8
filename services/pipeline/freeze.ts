import { type FreezeWindow, MINUTES_A_WEEK } from "./gate.ts";

/** A freeze that is in force. */
export interface Freeze {
  /** Of the first window that is; null if it gives none. */
  readonly reason: string | null;
  /** When promotions go on, in ISO 8601: the end of the window, or of the last of several that follow without a gap. */
  readonly until: string | null;
}

const MINUTE_MS = 60_000;
/** Monday 1970-01-05 00:00 UTC. */
const MONDAY_MS = 4 * 24 * 60 * MINUTE_MS;

/**
 * Returns the freeze that is in force. Windows include their beginning and exclude their end.
 * @param at ISO 8601
 * @returns undefined if none is; `until` is null if the windows cover all time
 */
export function frozenAt(windows: readonly FreezeWindow[] | undefined, at: string): Freeze | undefined {
  let end = Date.parse(at);
  const covering = () => windows?.find((window) => endOf(window, end) !== undefined);
  const first = covering();
  if (windows === undefined || first === undefined) return undefined;
  // Every window of dates ends once, and weekly windows that leave a gap come to it within two weeks.
  const most = Math.max(...windows.map((window) => ("to" in window ? Date.parse(window.to) : end)), end);
  const latest = most + 2 * MINUTES_A_WEEK * MINUTE_MS;
  for (let window: FreezeWindow | undefined = first; window !== undefined; window = covering()) {
    end = endOf(window, end) as number;
    if (end > latest) return { reason: first.reason, until: null };
  }
  return { reason: first.reason, until: new Date(end).toISOString() };
}

/** When a window that covers a time ends, in milliseconds; undefined if it does not cover it. */
function endOf(window: FreezeWindow, ms: number): number | undefined {
  if ("to" in window) {
    const end = Date.parse(window.to);
    return Date.parse(window.from) <= ms && ms < end ? end : undefined;
  }
  const week = MINUTES_A_WEEK * MINUTE_MS;
  const intoWeek = (((ms - MONDAY_MS) % week) + week) % week;
  const since = (intoWeek - window.fromMinute * MINUTE_MS + week) % week;
  const length = ((window.toMinute - window.fromMinute) * MINUTE_MS + week) % week;
  return since < length ? ms - since + length : undefined;
}
