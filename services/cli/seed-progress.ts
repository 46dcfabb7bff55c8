import type { SingleBar } from "cli-progress";
import type { TextStream } from "./context.ts";

/** Progress of an experiment over its seeds: a bar with the time left on a terminal, a line a seed elsewhere. */
export interface SeedProgress {
  update(done: number, total: number): void;
  /** Takes the bar away. */
  stop(): void;
}

/** @param stream standard error, as a rule: the result stands on standard output */
export async function createSeedProgress(stream: TextStream): Promise<SeedProgress> {
  if (stream.isTTY !== true) {
    return {
      update: (done, total) => void stream.write(`${done} of ${total} done\n`),
      stop() {},
    };
  }
  const { SingleBar: Bar, Presets } = await import("cli-progress");
  const bar: SingleBar = new Bar(
    {
      format: "[{bar}] {percentage} %  {value} of {total} done, {eta_formatted} left",
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
      if (!started) bar.start(total, done);
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
