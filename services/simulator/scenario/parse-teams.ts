import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { findCycle, topologicalOrder } from "../../pipeline/dag.ts";
import { isRecord, nameSchema, parseWith, shown, strict } from "../../pipeline/files/schema.ts";
import { type Reporter, reportRepeats } from "../../pipeline/files/yaml-file.ts";
import { DEFAULT_SHAPE, DEFAULT_TEAMS, type Team } from "./scenario.ts";
import { SHAPES, type Shape, shapedTeams } from "./shapes.ts";

const MOST_TEAMS = 10_000;

/** Widths of hidden layers; none for a linear model. */
export const hiddenSchema = z.array(z.int().min(1).max(4096)).max(8);

const countSchema = z.int().min(2).max(MOST_TEAMS);
const teamSchema = strict({
  hidden: hiddenSchema.optional(),
  steps: z.int().min(1).max(1_000_000).optional(),
  every: z.number().min(0.01).max(1_000_000).optional(),
  width: z.int().min(1).max(1_000_000).optional(),
});

/**
 * Reads `teams` and `edges`, which belong together: a shape names its teams `m1` to `mN`, or in the order in which they are
 * named.
 *
 * @returns in topological order; none if a problem was reported
 */
export function parseTeams(teams: unknown, edges: unknown, reporter: Reporter): readonly Team[] {
  const named = namedTeams(teams, reporter);
  if (named === undefined) return [];
  const shape = edges === undefined ? (named.length === 2 ? "chain" : DEFAULT_SHAPE) : edges;
  if (isRecord(shape)) return inOrder(withReads(named, shape, reporter), reporter);
  const chosen = parseWith(z.enum(SHAPES), shape, ["edges"], reporter) as Shape | undefined;
  if (chosen === undefined) return [];
  // A shape names teams by place, so that its names stand for those of the file.
  const names = new Map(named.map((team, at) => [`m${at + 1}`, team.name]));
  return shapedTeams(chosen, named.length).map(({ reads }, at) => ({
    ...(named[at] as Named),
    reads: reads.map((name) => names.get(name) as string),
  }));
}

type Named = Omit<Team, "reads">;

function namedTeams(value: unknown, reporter: Reporter): readonly Named[] | undefined {
  if (value === undefined || typeof value === "number") {
    const count = value === undefined ? DEFAULT_TEAMS : parseWith(countSchema, value, ["teams"], reporter);
    return count === undefined ? undefined : Array.from({ length: count }, (_, at) => ({ name: `m${at + 1}` }));
  }
  if (!isRecord(value)) {
    reporter.report(["teams"], `must be a number of teams or a mapping of their names, not ${shown(value)}`);
    return undefined;
  }
  const before = reporter.problems.length;
  const entries = Object.entries(value);
  if (entries.length < 2) reporter.report(["teams"], "must name at least 2 teams");
  if (entries.length > MOST_TEAMS) reporter.report(["teams"], `must name at most ${MOST_TEAMS} teams`);
  const named = entries.map(([name, keys]): Named => {
    parseWith(nameSchema, name, ["teams", name], reporter);
    const given = parseWith(teamSchema, keys ?? {}, ["teams", name], reporter) ?? {};
    return { name, ...(Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined)) as object) };
  });
  return reporter.problems.length > before ? undefined : named;
}

function withReads(
  named: readonly Named[],
  edges: Readonly<Record<string, unknown>>,
  reporter: Reporter,
): readonly Team[] | undefined {
  const before = reporter.problems.length;
  const names = named.map(({ name }) => name);
  const check = (name: string, path: readonly (string | number)[]) => {
    if (!names.includes(name)) reporter.report(path, `unknown team "${name}"${didYouMean(name, names)}`);
  };
  const reads = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(edges)) {
    check(name, ["edges", name]);
    const list = parseWith(z.array(z.string()), value, ["edges", name], reporter) ?? [];
    reportRepeats(list, ["edges", name], reporter);
    for (const [at, other] of list.entries()) check(other, ["edges", name, at]);
    reads.set(name, list);
  }
  if (reporter.problems.length > before) return undefined;
  return named.map((team) => ({ ...team, reads: reads.get(team.name) ?? [] }));
}

function inOrder(teams: readonly Team[] | undefined, reporter: Reporter): readonly Team[] {
  const nodes = (teams ?? []).map((team) => ({ ...team, upstream: team.reads }));
  const cycle = findCycle(nodes);
  if (cycle !== undefined) {
    reporter.report(["edges"], `the teams form a cycle: ${cycle.join(" <- ")}`);
    return [];
  }
  return topologicalOrder(nodes).map(({ upstream: _, ...team }) => team);
}
