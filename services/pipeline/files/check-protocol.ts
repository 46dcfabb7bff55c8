import { didYouMean } from "../../common/suggest.ts";
import type { ProtocolSpec } from "../team.ts";
import type { ProtocolCatalog, ProtocolParameterRange } from "./protocol-catalog.ts";
import { shown } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/**
 * Checks a protocol against the catalog and fills in defaults. Without a catalog any name and parameters will do.
 * @returns undefined after reporting what is wrong
 */
export function checkProtocol(
  spec: ProtocolSpec,
  catalog: ProtocolCatalog | undefined,
  path: Path,
  reporter: Reporter,
): ProtocolSpec | undefined {
  if (catalog === undefined) return spec;
  const names = Object.keys(catalog);
  const known = Object.hasOwn(catalog, spec.name) ? catalog[spec.name] : undefined;
  if (known === undefined) {
    const hint = didYouMean(spec.name, names);
    reporter.report(path, `there is no protocol "${spec.name}"${hint} (there are ${names.join(", ")})`);
    return undefined;
  }
  const before = reporter.problems.length;
  for (const [name, value] of Object.entries(spec.parameters)) {
    const parameter = Object.hasOwn(known, name) ? known[name] : undefined;
    const fault = parameter === undefined ? unknownParameter(spec.name, name, known) : faultOf(value, parameter);
    if (fault !== undefined) reporter.report([...path, name], fault);
  }
  if (reporter.problems.length > before) return undefined;
  const defaults = Object.entries(known).map(([name, parameter]) => [name, parameter.default] as const);
  return { name: spec.name, parameters: { ...Object.fromEntries(defaults), ...spec.parameters } };
}

function unknownParameter(
  protocol: string,
  name: string,
  known: Readonly<Record<string, ProtocolParameterRange>>,
): string {
  const names = Object.keys(known);
  if (names.length === 0) return `${protocol} has no parameters`;
  return `${protocol} has no parameter "${name}"${didYouMean(name, names)} (it has ${names.join(", ")})`;
}

function faultOf(value: number | string, parameter: ProtocolParameterRange): string | undefined {
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
