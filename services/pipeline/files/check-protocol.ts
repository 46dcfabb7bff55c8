import { didYouMean } from "../../common/suggest.ts";
import type { ProtocolSpec } from "../team.ts";
import type { ProtocolCatalog, ProtocolParameterRange } from "./protocol-catalog.ts";
import { shown } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/**
 * Checks a protocol against the catalog and fills in defaults. Without a catalog, accepts any name and parameters.
 * @param deprecated receives deprecated spellings of choices; the result always has the current ones
 * @returns undefined after reporting problems
 */
export function checkProtocol(
  spec: ProtocolSpec,
  catalog: ProtocolCatalog | undefined,
  path: Path,
  reporter: Reporter,
  deprecated?: Reporter,
): ProtocolSpec | undefined {
  if (catalog === undefined) return spec;
  const names = Object.keys(catalog);
  const known = Object.hasOwn(catalog, spec.name) ? catalog[spec.name] : undefined;
  if (known === undefined) {
    const hint = didYouMean(spec.name, names);
    reporter.report(path, `unknown protocol "${spec.name}"; available: ${names.join(", ")}${hint}`);
    return undefined;
  }
  const before = reporter.problems.length;
  const given: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(spec.parameters)) {
    const parameter = Object.hasOwn(known, name) ? known[name] : undefined;
    const current = currentChoice(value, parameter);
    const problem = parameter === undefined ? unknownParameter(spec.name, name, known) : problemOf(current, parameter);
    if (problem !== undefined) reporter.report([...path, name], problem);
    if (current !== value) deprecated?.report([...path, name], `"${value}" is deprecated; rename it to "${current}"`);
    given[name] = current;
  }
  if (reporter.problems.length > before) return undefined;
  const defaults = Object.entries(known).map(([name, parameter]) => [name, parameter.default] as const);
  return { name: spec.name, parameters: { ...Object.fromEntries(defaults), ...given } };
}

function currentChoice(value: number | string, parameter: ProtocolParameterRange | undefined): number | string {
  const { deprecatedChoices } = parameter ?? {};
  if (deprecatedChoices === undefined || !Object.hasOwn(deprecatedChoices, value)) return value;
  return deprecatedChoices[value] ?? value;
}

function unknownParameter(
  protocol: string,
  name: string,
  known: Readonly<Record<string, ProtocolParameterRange>>,
): string {
  const names = Object.keys(known);
  if (names.length === 0) return `${protocol} has no parameters`;
  return `${protocol} has no parameter "${name}"; available: ${names.join(", ")}${didYouMean(name, names)}`;
}

function problemOf(value: number | string, parameter: ProtocolParameterRange): string | undefined {
  const { choices, min, max } = parameter;
  if (choices !== undefined) {
    if (choices.includes(String(value))) return undefined;
    return `must be one of ${choices.join(", ")}, not ${shown(value)}${didYouMean(String(value), choices)}`;
  }
  if (typeof value !== "number") return `must be a number, not ${shown(value)}`;
  if (min !== undefined && value < min) return `must be at least ${min}, not ${value}`;
  if (max !== undefined && value > max) return `must be at most ${max}, not ${value}`;
  return undefined;
}
