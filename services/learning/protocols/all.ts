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

/** Every protocol there is, in the order in which people read about them. */
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

/** What the parser of team files checks names and parameters against. */
export const protocolCatalog: ProtocolCatalog = Object.fromEntries(protocols.map((p) => [p.name, p.parameters]));

/** The protocols that mean nothing for a component that reads from no other. */
export const requiringUpstream: ReadonlySet<string> = new Set(
  protocols.filter((protocol) => protocol.requiresUpstream).map(({ name }) => name),
);

/** @throws UncoupleError `invalid-argument` naming the protocols there are */
export function findProtocol(name: string): Protocol {
  const found = protocols.find((protocol) => protocol.name === name);
  if (found === undefined) {
    const names = protocols.map((protocol) => protocol.name).join(", ");
    throw new UncoupleError("invalid-argument", `there is no protocol "${name}"; there are ${names}`);
  }
  return found;
}
