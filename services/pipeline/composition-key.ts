import type { Composition } from "./verdict.ts";

/** Key of an output: all that it depends on. @param inputs the snapshots of the component and of everything upstream */
export function compositionKey(component: string, inputs: Composition): string {
  const parts = Object.entries(inputs).map(([name, serial]) => `${name}@${serial}`);
  return `${component}<${parts.sort().join(" ")}`;
}
