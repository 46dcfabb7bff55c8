import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { limitLines, readLines } from "../../../../services/learning/isolation/bounded-lines.ts";

async function linesOf(chunks: readonly string[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, "end");
  return lines;
}

test("lines, including the last one, are complete however they arrive, and empty ones are skipped", async () => {
  expect(await linesOf(["on", "e\ntw", "o\n\n  \nthree\nfo", "ur"])).toEqual(["one", "two", "three", "four"]);
});

test("a line without an end takes a bounded amount of memory", async () => {
  const lines = await linesOf([...new Array<string>(50).fill("x".repeat(1000)), "\nshort\n"]);
  expect(lines).toEqual(["x".repeat(2000), "short"]);
});

test("lines beyond the limit are omitted with one note", () => {
  const lines: string[] = [];
  const onLine = limitLines(2, (line) => lines.push(line));
  for (const line of ["a", "b", "c", "d"]) onLine(line);
  expect(lines).toEqual(["a", "b", "(more than 2 lines; omitting the rest of the output)"]);
});
