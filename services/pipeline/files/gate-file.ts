import type { GatePolicy } from "../gate.ts";
import type { Pipeline } from "../pipeline.ts";
import { parseGate } from "./gate-policy.ts";
import type { Problem } from "./problem.ts";
import { createReporter, readYaml, sortedProblems } from "./yaml-file.ts";

/**
 * Parses the key `gate` of a file, which may have other keys, as a pipeline file has; they are not read.
 * @param pipeline that the gate is for; @param fileName the file name in problems
 */
export function parseGateFile(
  text: string,
  fileName: string,
  pipeline: Pipeline,
): { readonly gate: GatePolicy } | { readonly problems: readonly Problem[] } {
  const file = readYaml(text, fileName);
  if (!("map" in file)) return file;
  const reporter = createReporter(file.map);
  if (file.value.gate === undefined) {
    reporter.report([], "has no key `gate`; write `gate: { mode: enforce }` or more");
    return { problems: reporter.problems };
  }
  const { components, data, objective, audit, slices } = pipeline;
  const names = components.map(({ name }) => name);
  const gate = parseGate(file.value.gate, { names, data, objective, audit, slices }, reporter);
  if (gate === undefined || reporter.problems.length > 0) return { problems: sortedProblems(reporter.problems) };
  return { gate };
}
