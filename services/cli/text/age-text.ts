import type { Clock } from "../../common/clock/clock.ts";
import { formatSeconds } from "../../report/numbers.ts";

const DAY_SECONDS = 86_400;

/** How long something has lasted: `3 min 5 s`, `2 h 4 min`, `12 days`; `0.0 s` for a time that is still to come. @param since ISO 8601 */
export function ageText(since: string, clock: Pick<Clock, "now">): string {
  const seconds = Math.max(0, (clock.now() - Date.parse(since)) / 1000);
  return seconds < 2 * DAY_SECONDS ? formatSeconds(seconds) : `${Math.floor(seconds / DAY_SECONDS)} days`;
}
