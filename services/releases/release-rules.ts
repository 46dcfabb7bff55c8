import { UncoupleError } from "../common/errors.ts";
import { type ReleaseRules, releaseRulesOf } from "../pipeline/documents/gate-schema.ts";
import type { Backplane } from "../registry/backplane.ts";

/**
 * Returns who may release what, by the pipeline file in force. Where none was ever applied, there is no gate, and the
 * components are those that have published.
 */
export async function releaseRules({
  pipelines,
  registry,
}: Pick<Backplane, "pipelines" | "registry">): Promise<ReleaseRules> {
  const inForce = await pipelines.current();
  if (inForce !== undefined) return releaseRulesOf(inForce.value.content);
  const published = (await registry.list()).map(({ component }) => component);
  return { components: [...new Set(published)], gate: undefined, freeze: [] };
}

/** @throws UncoupleError `invalid-argument` if a gate enforces and there is no reason */
export function checkReason({ gate }: ReleaseRules, reason: string | null): void {
  if (gate?.mode !== "enforce" || (reason !== null && reason.trim() !== "")) return;
  throw new UncoupleError(
    "invalid-argument",
    "the gate in force has mode enforce, so the ledger needs a reason; add --reason TEXT",
  );
}
