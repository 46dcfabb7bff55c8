import type { SearchParameters, SearchValue } from "../search.ts";
import { DEFAULT_TEAM } from "../team.ts";
import { isRecord } from "./schema.ts";

type Mutable = Record<string | number, unknown>;

/** Keys that a team file may leave out, or give as a name alone. */
const NAMED: Readonly<Record<string, string>> = {
  optimizer: DEFAULT_TEAM.optimizer.name,
  protocol: DEFAULT_TEAM.protocol.name,
};

/**
 * Sets keys of a team file.
 * @param value the file, as YAML has it; it stays as it is
 * @param absent keys to leave out
 * @returns the file with the keys set, without `search`, and without `stop_after`, which belongs to other parameters
 */
export function withSearchKeys(
  value: Readonly<Record<string, unknown>>,
  parameters: SearchParameters,
  absent: readonly string[],
): Readonly<Record<string, unknown>> {
  const { search: _, stop_after: _stop, ...rest } = structuredClone(value) as Mutable;
  const file: Mutable = rest;
  if (file.optimiser !== undefined && file.optimizer === undefined) {
    const { optimiser, ...others } = file;
    return withSearchKeys({ ...others, optimizer: optimiser }, parameters, absent);
  }
  for (const key of absent) remove(file, key.split("."));
  for (const [key, to] of Object.entries(parameters)) set(file, key.split("."), to);
  return file;
}

function set(file: Mutable, path: readonly string[], to: SearchValue): void {
  let parent = file;
  for (const part of path.slice(0, -1)) {
    // Never a property of every object, such as `constructor`.
    const child = Object.hasOwn(parent, part) ? parent[part] : undefined;
    if (typeof child !== "object" || child === null) {
      // `optimizer: adam` and `model: linear` are short for mappings.
      const name = typeof child === "string" ? child : NAMED[part];
      parent[part] = Object.hasOwn(NAMED, part) ? { name } : {};
    }
    parent = parent[part] as Mutable;
  }
  parent[path.at(-1) as string] = to;
}

function remove(file: Mutable, path: readonly string[]): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, part) => (isRecord(at) && Object.hasOwn(at, part) ? at[part] : undefined), file);
  if (isRecord(parent)) delete (parent as Mutable)[path.at(-1) as string];
}
