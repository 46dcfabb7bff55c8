import type { JudgedTest } from "../../pipeline/model-test.ts";
import { movesName } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { testCounts, testResult } from "./model-test-text.ts";

/** What the tests of a snapshot found, as `uncouple test --json` prints it. */
export interface TestedSnapshot {
  readonly snapshot: string;
  /** What was composed: the snapshot, and what is in use besides. */
  readonly composition: Composition;
  /** The snapshot that it was compared with; null if there is none. */
  readonly against: string | null;
  /** Whether rows are held-out rows; otherwise training rows. */
  readonly heldOut: boolean;
  /** Whether nothing stands in the way of the snapshot. */
  readonly passed: boolean;
  readonly tests: readonly JudgedTest[];
}

const count = (value: number) => value.toLocaleString("en-US");

export function testedText(result: TestedSnapshot, style: Style, width: number): string {
  const { snapshot, composition, against, heldOut, tests } = result;
  const rows = heldOut ? "held-out rows, which no team may see" : "training rows";
  const others = Object.fromEntries(Object.entries(composition).filter(([name]) => !snapshot.startsWith(`${name}@`)));
  const beside = Object.keys(others).length === 0 ? "" : ` with ${movesName(others)}`;
  const compared = against === null ? "" : `, against ${against}`;
  const columns = [
    { title: "TEST", wraps: true },
    { title: "KIND" },
    { title: "OUTPUT" },
    { title: "ROWS", number: true },
    { title: "VIOLATIONS", number: true },
    { title: "WORST", number: true },
    { title: "RESULT", wraps: true },
  ];
  const cells = tests.map((test) => [
    plain(test.name),
    plain(test.kind),
    plain(test.scope === "pipeline" ? `${test.component}, composed` : test.component),
    test.skipped === undefined ? count(test.rows) : "-",
    test.skipped === undefined ? count(test.violations) : "-",
    test.worst === null || test.passed ? "-" : `${Number(test.worst.toPrecision(3))}`,
    resultText(test, style),
  ]);
  const examples = tests.flatMap(({ name, examples: found = [] }) =>
    found.length === 0 ? [] : [plain(`worst rows of "${name}": ${found.join(", ")}`)],
  );
  return [
    style.bold(plain(snapshot)) + plain(`${beside}${compared}, on ${rows}: ${testCounts(tests)}`),
    "",
    formatTable(columns, cells, style, width).trimEnd(),
    ...(examples.length === 0 ? [] : ["", ...examples]),
  ].join("\n");
}

function resultText(test: JudgedTest, style: Style): string {
  const text = plain(testResult(test));
  if (test.skipped !== undefined) return style.dim(text);
  return test.passed ? style.green(text) : style.red(text);
}
