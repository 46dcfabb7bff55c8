import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../services/cli/command-line.ts";
import { interruption } from "../../services/cli/context/context.ts";
import type { BenchmarkResults } from "../../services/experiments/wild/benchmark-results.ts";
import { silentContext } from "../helpers/cli-context.ts";

const committed = join(import.meta.dirname, "../../benchmark/results.json");

describe("uncouple benchmark", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "uncouple-benchmark-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  /** @param until interrupts the command, as Ctrl-C does, once it prints this line */
  async function benchmark(args: string, until?: string): Promise<{ code: number; out: string; notes: string }> {
    let [out, notes] = ["", ""];
    const interrupt = new AbortController();
    const code = await runCli(["benchmark", ...args.split(" ")], {
      ...silentContext,
      cwd: dir,
      stdout: {
        write: (text) => {
          out += text;
        },
      },
      stderr: {
        write: (text) => {
          notes += text;
          if (until !== undefined && text.startsWith(until)) interrupt.abort(interruption());
        },
      },
      interrupted: interrupt.signal,
    });
    return { code, out, notes };
  }

  it("measures the committed losses again, bit for bit", async () => {
    const { measured } = JSON.parse(await readFile(committed, "utf8")) as BenchmarkResults;
    const { code, out } = await benchmark(
      "--pipelines penguins --protocols sync,proximal,causal:audit-direct --seeds 1 --json",
    );
    expect(code).toBe(0);
    const anew = (JSON.parse(out) as BenchmarkResults).measured;
    expect(anew).toHaveLength(6);
    for (const { pipeline, method, component, update, own, pipelineLoss, right } of anew) {
      const before = measured.find(
        (each) =>
          each.pipeline === pipeline &&
          each.method === method &&
          each.component === component &&
          each.update === update,
      );
      const first = [before?.own, before?.pipelineLoss].map((losses) => [losses?.before[0], losses?.after[0]]);
      expect([
        [...own.before, ...own.after],
        [...pipelineLoss.before, ...pipelineLoss.after],
      ]).toEqual(first);
      expect(right).toEqual([before?.right[0]]);
    }
  });

  it("keeps finished parts when it is interrupted, resumes, and gives the results of an uninterrupted run", async () => {
    const run = "--pipelines cars,penguins --protocols async --seeds 2 --out";
    const first = await benchmark(`${run} interrupted --jobs 1`, "1 of 4");
    expect(first).toMatchObject({ code: 130, out: "" });
    expect(first.notes).toContain("Finished parts are kept; the same command resumes.");
    expect(await readdir(join(dir, "interrupted"))).toEqual(["parts"]);

    const second = await benchmark(`${run} interrupted --jobs 2`);
    expect(second.code).toBe(0);
    expect(second.notes).toMatch(/^1 of 4 parts done\n/);
    expect((await readdir(join(dir, "interrupted"))).sort()).toEqual(["report.html", "results.json"]);

    const other = await benchmark(`${run} whole`);
    expect(other.notes).toMatch(/^0 of 4 parts done\n/);
    const resultsIn = (folder: string) => readFile(join(dir, folder, "results.json"), "utf8");
    expect(await resultsIn("interrupted")).toBe(await resultsIn("whole"));
  });

  it("does not resume with the parts of other methods", async () => {
    const run = "--pipelines cars --seeds 2 --out changed --jobs 1 --protocols";
    await benchmark(`${run} async`, "1 of 2");
    const { notes } = await benchmark(`${run} proximal`, "0 of 2");
    expect(notes).toMatch(/^0 of 2 parts done\n/);
  });
});
