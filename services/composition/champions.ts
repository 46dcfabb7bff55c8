import type { Composition } from "../pipeline/verdict.ts";
import type { Registry } from "../registry/registry.ts";
import { CHAMPION } from "./in-use.ts";

/**
 * Reads the serials that the `champion` aliases point at; components without a champion are left out.
 * @throws UncoupleError as `Registry.aliases`
 */
export async function readChampions(
  registry: Pick<Registry, "aliases">,
  components: readonly { readonly name: string }[],
): Promise<Composition> {
  const champions: Record<string, number> = {};
  for (const { name } of components) {
    const serial = (await registry.aliases(name))[CHAMPION];
    if (serial !== undefined) champions[name] = serial;
  }
  return champions;
}
