import type { Composition } from "./verdict.ts";

/** Names an output by all that it depends on. @param inputs the snapshots of the component and all upstream of it */
export function compositionKey(component: string, inputs: Composition): string {
  const parts = Object.entries(inputs).map(([name, serial]) => `${name}@${serial}`);
  return `${component}<${parts.sort().join(" ")}`;
}
