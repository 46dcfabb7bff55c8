import { UncoupleError } from "../../common/errors.ts";
import type { ProtocolCatalog } from "../../pipeline/files/protocol-catalog.ts";
import { async } from "./async.ts";
import { blend } from "./blend.ts";
import { causal } from "./causal.ts";
import { causalProximal } from "./causal-proximal.ts";
import { gaussNewton } from "./gauss-newton.ts";
import { gradientPenalty } from "./gradient-penalty.ts";
import type { Protocol } from "./protocol.ts";
import { proximal } from "./proximal.ts";
import { sync } from "./sync.ts";

/** All protocols, in the order in which `uncouple explain` lists them. */
export const protocols: readonly Protocol[] = [
  sync,
  async,
  proximal,
  causal,
  causalProximal,
  blend,
  gradientPenalty,
  gaussNewton,
];

/** The protocol names and parameter ranges that the team-file parser checks against. */
export const protocolCatalog: ProtocolCatalog = Object.fromEntries(protocols.map((p) => [p.name, p.parameters]));

/** Names of the protocols that apply only to components with upstream. */
export const requiringUpstream: ReadonlySet<string> = new Set(
  protocols.filter((protocol) => protocol.requiresUpstream).map(({ name }) => name),
);

/** Finds a protocol by name. @throws UncoupleError `invalid-argument` naming the available protocols */
export function findProtocol(name: string): Protocol {
  const found = protocols.find((protocol) => protocol.name === name);
  if (found === undefined) {
    const names = protocols.map((protocol) => protocol.name).join(", ");
    throw new UncoupleError("invalid-argument", `unknown protocol "${name}"; available: ${names}`);
  }
  return found;
}
