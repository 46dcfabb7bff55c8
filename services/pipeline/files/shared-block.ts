import { UncoupleError } from "../../common/errors.ts";
import type { PipelineContent } from "../pipeline-content.ts";
import { parseFrom, type SharedFrom } from "../shared.ts";
import { contractIn, upstreamOrigins } from "../shared-components.ts";
import { isRecord } from "./schema.ts";
import { readYaml } from "./yaml-file.ts";

const BEGIN = "# Written by `uncouple pipeline lock`, which replaces everything from here on.";

/** The components of other pipelines that a pipeline file names with `from`, each once; none of a file that is not YAML. */
export function sharedNamesIn(text: string, fileName: string): readonly SharedFrom[] {
  const file = readYaml(text, fileName);
  if (!("value" in file) || !isRecord(file.value.components)) return [];
  const found = new Map<string, SharedFrom>();
  for (const component of Object.values(file.value.components)) {
    const parsed = isRecord(component) && typeof component.from === "string" ? parseFrom(component.from) : undefined;
    if (parsed === undefined) continue;
    const { pipeline, component: name } = parsed;
    found.set(`${pipeline}/${name}`, { pipeline, component: name });
  }
  return [...found.values()];
}

/**
 * Returns a pipeline file with these contracts as its `shared:`, at its end; without any, with none.
 * @param contracts as `sharedContract`, by `ads/click`
 * @throws UncoupleError `failed-precondition` if somebody else wrote its `shared:`
 */
export function withSharedBlock(
  text: string,
  contracts: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): string {
  const begin = text.indexOf(BEGIN);
  const rest = (begin < 0 ? text : text.slice(0, begin)).trimEnd();
  const file = readYaml(rest, "");
  if ("value" in file && file.value.shared !== undefined) {
    throw new UncoupleError(
      "failed-precondition",
      "the file has a `shared` that `uncouple pipeline lock` did not write; remove it first",
    );
  }
  if (contracts.size === 0) return `${rest}\n`;
  const lines = [...contracts].map(([name, contract]) => `  ${name}: ${JSON.stringify(contract)}`);
  return `${rest}\n\n${BEGIN}\nshared:\n${lines.join("\n")}\n`;
}

/**
 * The contract of a component as `shared:` has it. Upstream components that the owner trains have its name, others the
 * pipeline that trains them before it: `users/user`.
 * @returns undefined if the file has no such component
 */
export function sharedContract(
  content: PipelineContent,
  { pipeline, component }: SharedFrom,
): Readonly<Record<string, unknown>> | undefined {
  const contract = contractIn(content, component);
  if (contract === undefined) return undefined;
  const { columns, output, loss, target, logged } = contract;
  const own = `${pipeline}/`;
  const upstream = upstreamOrigins(content, pipeline, component).map((name) =>
    name.startsWith(own) ? name.slice(own.length) : name,
  );
  return {
    columns,
    ...(upstream.length > 0 && { upstream }),
    output,
    loss,
    target: logged === undefined ? target : { action: logged.action, reward: target, propensity: logged.propensity },
  };
}
