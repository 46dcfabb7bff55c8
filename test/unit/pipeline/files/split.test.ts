import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { crossingGroups } from "../../../../services/pipeline/files/split.ts";
import { contentOf, digestOf } from "../../../../services/pipeline/pipeline-content.ts";

const FILE = "{ source: file, path: rows.csv, key: id }";
const SYNTHETIC = "{ source: synthetic, generator: two-stage, rows: 100 }";

function parse(split: string | undefined, data = FILE) {
  const text = `pipeline: p
data: ${data}
components:
  m1: { columns: [x], output: { name: y }, target: t }
${split === undefined ? "" : `split: ${split}\n`}`;
  return parsePipelineFile(text, "p.yaml");
}

function parsed(split: string | undefined, data?: string) {
  const result = parse(split, data);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.pipeline;
}

function problemsOf(split: string, data?: string): readonly string[] {
  const result = parse(split, data);
  return "problems" in result ? result.problems.map(formatProblem) : [];
}

describe("the split", () => {
  test("by hash is the same as data.test_fraction, down to the digest of the file", () => {
    const before = parsed(undefined, "{ source: file, path: rows.csv, key: id, test_fraction: 0.25 }");
    for (const split of ["{ by: hash, held_out: 25 % }", "{ held_out: 25% }"]) {
      expect(parsed(split)).toEqual(before);
      expect(digestOf(contentOf(parsed(split)))).toBe(digestOf(contentOf(before)));
    }
    expect(parsed("{ by: hash }")).toEqual(parsed(undefined));
    expect(parsed("{ held_out: 50 % }", SYNTHETIC).data).toMatchObject({ testFraction: 0.5 });
  });

  test("by time has a column, a length of time or share of it, and a gap", () => {
    const { data } = parsed("{ by: time, column: day, held_out: 14d, gap: 12h }");
    expect(data).toMatchObject({ time: { column: "day", heldOut: { seconds: 1_209_600 }, gapSeconds: 43_200 } });
    expect(data).not.toHaveProperty("testFraction");
    expect(parsed("{ by: time, column: day, held_out: 20 % }").data).toMatchObject({
      time: { heldOut: { fraction: 0.2 }, gapSeconds: 0 },
    });
  });

  test("reports every problem with its place", () => {
    expect(problemsOf("{ by: time }")).toEqual([
      "p.yaml:5: split.column: is missing; must be the column with each row's time",
      "p.yaml:5: split.held_out: is missing; must be a duration such as 14d",
    ]);
    expect(problemsOf("{ by: hash, column: day, held_out: 14d, gap: 1d }")).toEqual([
      "p.yaml:5: split.column: needs `by: time`",
      "p.yaml:5: split.gap: needs `by: time`",
      "p.yaml:5: split.held_out: a duration needs `by: time`",
    ]);
    expect(problemsOf("{ by: time, column: day, held_out: 0d, gap: soon }")).toEqual([
      "p.yaml:5: split.held_out: must be a percentage of the rows, such as 20 %, or with `by: time` a duration such as 14d",
      'p.yaml:5: split.gap: must be a duration like 12h or 1d, not "soon"',
    ]);
    expect(problemsOf("{ by: day }")).toEqual(['p.yaml:5: split.by: must be one of hash, time, not "day"']);
    expect(problemsOf("{ by: time, column: day, held_out: 14d }", SYNTHETIC)).toEqual([
      "p.yaml:5: split.by: a split by time needs data from files or a database",
    ]);
    expect(problemsOf("{ held_out: 20 % }", "{ source: file, path: rows.csv, test_fraction: 0.2 }")).toEqual([
      "p.yaml:2: data.test_fraction: split.held_out replaces it; remove one of them",
    ]);
  });

  test("warns of groups that a split by time divides", () => {
    const grouped = "{ source: file, path: rows.csv, group: user }";
    expect(crossingGroups(parsed("{ by: time, column: day, held_out: 14d }", grouped))).toMatch(
      /^split by time: rows of one user can be on both sides, so verdicts are about a known user;/,
    );
    expect(crossingGroups(parsed("{ held_out: 20 % }", grouped))).toBeUndefined();
    expect(crossingGroups(parsed("{ by: time, column: day, held_out: 14d }"))).toBeUndefined();
  });
});
