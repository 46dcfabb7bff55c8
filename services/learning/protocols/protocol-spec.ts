import type { ProtocolSpec } from "../../pipeline/team.ts";
import { findProtocol } from "./all.ts";

/** A protocol with the given parameters and defaults for the others. */
export function protocolSpec(name: string, parameters: ProtocolSpec["parameters"] = {}): ProtocolSpec {
  const defaults = Object.entries(findProtocol(name).parameters).map(([key, range]) => [key, range.default]);
  return { name, parameters: { ...Object.fromEntries(defaults), ...parameters } };
}
