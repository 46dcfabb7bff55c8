import type { SingleBar } from "cli-progress";
import type { TextStream } from "../context/context.ts";

/** Progress over things that are counted: a bar with the time left on a terminal, a line for each elsewhere. */
export interface CountProgress {
  update(done: number, total: number): void;
  /** Takes the bar away. */
  stop(): void;
}

/** @param stream standard error, as a rule: the result stands on standard output; @param what is counted, plural */
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
