import type { SingleBar } from "cli-progress";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { formatSeconds } from "../../report/numbers.ts";
import type { TextStream } from "../context/context.ts";

/** Progress over counted items: a bar with the remaining time on a terminal, one line per item elsewhere. */
export interface CountProgress {
  update(done: number, total: number): void;
  /** Removes the bar. */
  stop(): void;
}

/**
 * @param stream usually standard error, because standard output has the result; @param what the items, plural
 * @param clock adds the remaining time to the lines, for items that take long
 */
export async function createCountProgress(stream: TextStream, what: string, clock?: Clock): Promise<CountProgress> {
  if (stream.isTTY !== true) return lineProgress(stream, what, clock);
  const { SingleBar: Bar, Presets } = await import("cli-progress");
  const bar: SingleBar = new Bar(
    {
      format: "[{bar}] {percentage} %  {value} of {total} {what} done, {eta_formatted} left",
      stream: stream as unknown as NodeJS.WritableStream,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 24,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(done, total) {
      if (!started) bar.start(total, done, { what });
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

function lineProgress(stream: TextStream, what: string, clock: Clock | undefined): CountProgress {
  let first: { readonly done: number; readonly at: number } | undefined;
  return {
    update(done, total) {
      let left = "";
      if (clock !== undefined) {
        first ??= { done, at: clock.elapsed() };
        const each = secondsSince(clock, first.at) / (done - first.done);
        if (done > first.done && done < total) left = `, ${formatSeconds(each * (total - done))} left`;
      }
      stream.write(`${done} of ${total} ${what} done${left}\n`);
    },
    stop() {},
  };
}
