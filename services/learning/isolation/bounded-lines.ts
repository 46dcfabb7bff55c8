import type { Readable } from "node:stream";

const LONGEST_LINE = 2_000;

/** Takes lines up to a number of them, then says once that it leaves out the others. */
export function limitLines(most: number, onLine: (line: string) => void): (line: string) => void {
  let count = 0;
  return (line) => {
    count += 1;
    if (count <= most) onLine(line);
    else if (count === most + 1) onLine(`(more than ${most} lines; the rest of the output is left out)`);
  };
}

/** Reads a stream to its end, line by line; what exceeds 2,000 characters of a line is cut. Empty lines are left out. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let line = "";
  const flush = () => {
    if (line.trim() !== "") onLine(line);
    line = "";
  };
  const take = (text: string) => {
    line += text.slice(0, LONGEST_LINE - line.length);
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const [first = "", ...more] = text.split("\n");
    take(first);
    for (const next of more) {
      flush();
      take(next);
    }
  });
  stream.on("end", flush);
}
