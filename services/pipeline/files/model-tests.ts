import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import {
  changedColumns,
  DEFAULT_TEST,
  describeTest,
  MOST_PREDICTIONS,
  MOST_TESTED_ROWS,
  MOST_TESTS,
  type ModelTest,
  type PipelineTest,
  predictionsOf,
  type RowChange,
  type SliceCondition,
  TEST_KINDS,
  type TestKind,
} from "../model-test.ts";
import { parsePercent } from "../percent.ts";
import type { Pipeline } from "../pipeline.ts";
import { columnSchema, isRecord, nameSchema, parseWith, shown, strict } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

const percent = (from: number, what: string) =>
  z.custom<string | 0>((value) => isShare(value, from), { error: `must be ${what}` });
const isShare = (value: unknown, from: number) => {
  const fraction = value === 0 ? 0 : typeof value === "string" ? parsePercent(value) : undefined;
  return fraction !== undefined && fraction >= from && fraction < 1;
};

const base = {
  name: z
    .string()
    .regex(/^[^\p{Cc}]{1,80}$/u, { error: "must have 1 to 80 printable characters" })
    .optional(),
  rows: z.int().min(10).max(MOST_TESTED_ROWS).optional(),
  on_failure: z.enum(["warn", "refuse"]).default(DEFAULT_TEST.onFailure),
};
const output = z.union([z.int().min(0), z.string()], { error: "must be a class, or a coordinate from 0" }).optional();
const rowwise = {
  ...base,
  allowed: percent(0, "a percentage of the rows, at least 0 % and less than 100 %, such as 1 %").default(0),
  tolerance: z.number().min(0).optional(),
  output,
};
const direction = z.enum(["increasing", "decreasing"]);
const text = z.union([z.string(), z.boolean()]).transform(String);
const value = z.union([z.number(), z.string(), z.boolean().transform(String)], {
  error: "must be a number, a string, or true or false",
});
const change = strict({
  set: z.record(columnSchema, value).optional(),
  scale: z.record(columnSchema, z.number()).optional(),
  swap: z.array(columnSchema).length(2).optional(),
  map: z.record(columnSchema, z.record(z.string(), text)).optional(),
});
const range = strict({ low: z.number().optional(), high: z.number().optional() });

const SCHEMAS = {
  monotone: strict({ ...rowwise, monotone: columnSchema, direction }),
  invariant: strict({ ...rowwise, invariant: change }),
  directional: strict({ ...rowwise, directional: change, direction }),
  bounded: strict({ ...rowwise, bounded: range }),
  slice: strict({
    ...base,
    // A value of another kind is reported by `parseCondition`.
    slice: z.record(columnSchema, z.unknown()),
    loss_at_most: z.number().optional(),
    loss_relative_to_all: z.number().gt(0).optional(),
  }),
  agreement: strict({
    ...base,
    output,
    agreement: strict({
      with: z.literal("previous"),
      at_least: z
        .custom<string>((given) => typeof given === "string" && isShare(given, 0.5), {
          error: "must be a percentage of the rows, at least 50 % and less than 100 %, such as 95 %",
        })
        .optional(),
      within: z.number().gt(0).optional(),
    }),
  }),
};

/** Tests as a file lists them; undefined stands for a malformed one. */
export type ReadTests<T extends ModelTest> = readonly (T | undefined)[];

/** Parses the team file's `tests`, and reports every problem. @returns undefined if they are no list of tests */
export function parseModelTests(given: unknown, reporter: Reporter): ReadTests<ModelTest> | undefined {
  return parseList(given, reporter, (item, path) => parseTest(item, path, reporter));
}

/**
 * Parses the pipeline file's `tests`, as `parseModelTests`.
 * @param names of all components; @param objective the component that a test is about by default; undefined: none
 */
export function parsePipelineTests(
  given: unknown,
  { names, objective }: { readonly names: readonly string[]; readonly objective: Pipeline["objective"] | undefined },
  reporter: Reporter,
): ReadTests<PipelineTest> | undefined {
  return parseList(given, reporter, (item, path) => {
    const { component: named, ...rest } = isRecord(item) ? item : {};
    const only = typeof objective === "string" ? objective : undefined;
    const component = named === undefined ? only : parseWith(nameSchema, named, [...path, "component"], reporter);
    const test = parseTest(isRecord(item) ? rest : item, path, reporter);
    if (named === undefined && typeof objective === "object") {
      reporter.report(
        path,
        "component is missing; there are several objectives, so name the one whose output is tested",
      );
    } else if (component !== undefined && !names.includes(component)) {
      const hint = didYouMean(component, names);
      reporter.report(
        [...path, "component"],
        `unknown component "${component}"; available: ${names.join(", ")}${hint}`,
      );
      return undefined;
    }
    return test && component !== undefined ? { ...test, component } : undefined;
  });
}

function parseList<T extends ModelTest>(
  given: unknown,
  reporter: Reporter,
  parse: (item: unknown, path: Path) => T | undefined,
): ReadTests<T> | undefined {
  if (!Array.isArray(given)) {
    reporter.report(["tests"], `must be a list of tests, not ${shown(given)}`);
    return undefined;
  }
  if (given.length > MOST_TESTS) {
    reporter.report(["tests"], `must have at most ${MOST_TESTS} tests, not ${given.length}`);
    return undefined;
  }
  const tests = given.map((item: unknown, index) => parse(item, ["tests", index]));
  const names = tests.map((test) => test?.name);
  names.forEach((name, index) => {
    if (name === undefined || names.indexOf(name) === index) return;
    reporter.report(["tests", index], `two tests have the name "${name}"; give each a name of its own`);
  });
  const formed = tests.filter((test) => test !== undefined);
  const predictions = formed.reduce((sum, test) => sum + predictionsOf(test), 0);
  if (predictions > MOST_PREDICTIONS) {
    const counts = [predictions, MOST_PREDICTIONS].map((count) => count.toLocaleString("en-US"));
    reporter.report(["tests"], `ask for ${counts[0]} predictions; the limit is ${counts[1]}, so lower their rows`);
  }
  return tests;
}

function parseTest(item: unknown, path: Path, reporter: Reporter): ModelTest | undefined {
  if (!isRecord(item)) {
    reporter.report(path, `must be a mapping with one of ${TEST_KINDS.join(", ")}, not ${shown(item)}`);
    return undefined;
  }
  const kinds = TEST_KINDS.filter((kind) => kind in item);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const unknown =
      Object.keys(item)
        .map((key) => didYouMean(key, TEST_KINDS))
        .find((hint) => hint !== "") ?? "";
    const what =
      kind === undefined
        ? `must have one of ${TEST_KINDS.join(", ")}${unknown}`
        : `has ${kinds.join(" and ")}; write a test for each`;
    reporter.report(path, what);
    return undefined;
  }
  const test = PARSERS[kind](item, path, reporter);
  return test && named(test, parseWith(base.name, item.name, [...path, "name"], reporter));
}

type Unnamed = Parameters<typeof describeTest>[0];

function named(test: Unnamed, name: string | undefined): ModelTest {
  return { name: name ?? describeTest(test), ...test };
}

type Parser = (item: unknown, path: Path, reporter: Reporter) => Unnamed | undefined;

const PARSERS: Readonly<Record<TestKind, Parser>> = {
  monotone(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.monotone, item, path, reporter);
    return parsed && { kind: "monotone", ...rowwiseOf(parsed), column: parsed.monotone, direction: parsed.direction };
  },
  invariant(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.invariant, item, path, reporter);
    const found = parsed && changeOf(parsed.invariant, [...path, "invariant"], reporter);
    return parsed && found && { kind: "invariant", ...rowwiseOf(parsed), change: found };
  },
  directional(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.directional, item, path, reporter);
    const found = parsed && changeOf(parsed.directional, [...path, "directional"], reporter);
    return parsed && found && { kind: "directional", ...rowwiseOf(parsed), change: found, direction: parsed.direction };
  },
  bounded(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.bounded, item, path, reporter);
    const bounds = parsed && rangeOf(parsed.bounded, [...path, "bounded"], reporter);
    return parsed && bounds && { kind: "bounded", ...rowwiseOf(parsed), ...bounds };
  },
  slice(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.slice, item, path, reporter);
    if (parsed === undefined) return undefined;
    const { slice, loss_at_most: lossAtMost, loss_relative_to_all: lossRelativeToAll } = parsed;
    const conditions = Object.entries(slice);
    if (conditions.length === 0)
      reporter.report([...path, "slice"], "must name at least one column, such as { country: DE }");
    if (lossAtMost === undefined && lossRelativeToAll === undefined) {
      reporter.report(path, "a slice needs a limit: loss_at_most or loss_relative_to_all");
    }
    const where: Record<string, SliceCondition> = {};
    for (const [column, given] of conditions) {
      const condition = parseCondition(given, [...path, "slice", column], reporter);
      if (condition !== undefined) where[column] = condition;
    }
    return {
      kind: "slice",
      ...baseOf(parsed, DEFAULT_TEST.sliceRows),
      where,
      ...(lossAtMost !== undefined && { lossAtMost }),
      ...(lossRelativeToAll !== undefined && { lossRelativeToAll }),
    };
  },
  agreement(item, path, reporter) {
    const parsed = parseWith(SCHEMAS.agreement, item, path, reporter);
    if (parsed === undefined) return undefined;
    const { at_least: atLeast, within } = parsed.agreement;
    const share = (atLeast === undefined ? undefined : parsePercent(atLeast)) ?? DEFAULT_TEST.agreement;
    return {
      kind: "agreement",
      ...baseOf(parsed, DEFAULT_TEST.rows),
      // Without the rounding of 1 - 0.95.
      allowed: Number((1 - share).toFixed(12)),
      ...(parsed.output !== undefined && { output: parsed.output }),
      ...(within !== undefined && { within }),
    };
  },
};

function baseOf(parsed: { readonly rows?: number | undefined; readonly on_failure: "warn" | "refuse" }, rows: number) {
  return { onFailure: parsed.on_failure, rows: parsed.rows ?? rows };
}

function rowwiseOf(parsed: z.output<z.ZodObject<typeof rowwise>>) {
  const { allowed, tolerance, output: chosen } = parsed;
  return {
    ...baseOf(parsed, DEFAULT_TEST.rows),
    allowed: parsePercent(String(allowed)) ?? 0,
    ...(tolerance !== undefined && { tolerance }),
    ...(chosen !== undefined && { output: chosen }),
  };
}

function changeOf(given: z.output<typeof change>, path: Path, reporter: Reporter): RowChange | undefined {
  const { set, scale, swap, map } = given;
  const [first, second] = swap ?? [];
  const found: RowChange = {
    ...(set !== undefined && { set }),
    ...(scale !== undefined && { scale }),
    ...(first !== undefined && second !== undefined && { swap: [first, second] as const }),
    ...(map !== undefined && { map }),
  };
  const columns = changedColumns(found);
  if (columns.length === 0) {
    reporter.report(path, "must change a column with set, scale, swap or map, such as { set: { country: US } }");
    return undefined;
  }
  const twice = columns.find((column, at) => columns.indexOf(column) !== at);
  if (twice !== undefined)
    reporter.report(path, `changes "${twice}" twice; a column is in one of set, scale, swap and map`);
  return found;
}

function rangeOf(given: z.output<typeof range>, path: Path, reporter: Reporter) {
  const { low, high } = given;
  if (low === undefined && high === undefined) reporter.report(path, "must have low, high, or both");
  if (low !== undefined && high !== undefined && low >= high) {
    reporter.report([...path, "low"], `must be less than high (${high}), not ${low}`);
  }
  return { ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
}

function parseCondition(given: unknown, path: Path, reporter: Reporter): SliceCondition | undefined {
  if (isRecord(given)) {
    const parsed = parseWith(range, given, path, reporter);
    return parsed && rangeOf(parsed, path, reporter);
  }
  const parsed = parseWith(value, given, path, reporter);
  return parsed;
}
