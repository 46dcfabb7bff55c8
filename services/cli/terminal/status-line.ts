import type { Clock } from "../../common/clock/clock.ts";
import type { TextStream } from "../context/context.ts";

/** A line that changes: in place on a terminal, now and then a new one elsewhere. */
export interface StatusLine {
  show(text: string): void;
  /** Removes the line while `write` writes to the terminal. */
  aside(write: () => void): void;
  /** Removes the line. */
  stop(): void;
}

/** Carriage return, and erase to the end of the line. */
const CLEAR = "\r\u001b[K";

/** @param gapMs between two lines where there is no terminal */
export function createStatusLine(stream: TextStream, clock: Clock, gapMs: number): StatusLine {
  if (stream.isTTY !== true) {
    let last = Number.NEGATIVE_INFINITY;
    return {
      show(text) {
        if (clock.elapsed() - last < gapMs) return;
        last = clock.elapsed();
        stream.write(`${text}\n`);
      },
      aside: (write) => write(),
      stop() {},
    };
  }
  let shown = "";
  const draw = () => stream.write(`${CLEAR}${shown.slice(0, (stream.columns ?? 80) - 1)}`);
  return {
    show(text) {
      shown = text;
      draw();
    },
    aside(write) {
      stream.write(CLEAR);
      write();
      if (shown !== "") draw();
    },
    stop() {
      if (shown !== "") stream.write(CLEAR);
      shown = "";
    },
  };
}
