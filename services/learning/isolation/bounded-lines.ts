import type { Readable } from "node:stream";

const MAX_LINE_LENGTH = 2_000;

/** Passes on at most `max` lines, followed by one line saying that the rest is omitted. */
export function limitLines(max: number, onLine: (line: string) => void): (line: string) => void {
  let count = 0;
  return (line) => {
    count += 1;
    if (count <= max) onLine(line);
    else if (count === max + 1) onLine(`(more than ${max} lines; omitting the rest of the output)`);
  };
}

/** Reads a stream to its end, line by line. Truncates lines to 2,000 characters and skips empty ones. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let line = "";
  const flush = () => {
    if (line.trim() !== "") onLine(line);
    line = "";
  };
  const take = (text: string) => {
    line += text.slice(0, MAX_LINE_LENGTH - line.length);
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
