import type { SingleBar } from "cli-progress";
import type { TextStream } from "../context/context.ts";

/** Progress over counted items: a bar with the remaining time on a terminal, one line per item elsewhere. */
export interface CountProgress {
  update(done: number, total: number): void;
  /** Removes the bar. */
  stop(): void;
}

/** @param stream usually standard error, because standard output has the result; @param what the items, plural */
export async function createCountProgress(stream: TextStream, what: string): Promise<CountProgress> {
  if (stream.isTTY !== true) {
    return {
      update: (done, total) => void stream.write(`${done} of ${total} ${what} done\n`),
      stop() {},
    };
  }
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
