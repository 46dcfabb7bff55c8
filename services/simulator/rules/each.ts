import type { ReleaseRule } from "./rule.ts";

/** Deploys every snapshot by itself. @param rejects whether one that degrades the pipeline is rejected */
export function createEachRule(rejects: boolean): ReleaseRule {
  return {
    async decide({ component, serial, judgement: { kind } }) {
      const isRejected = rejects && (kind === "degraded" || kind === "self-defeating");
      return {
        releases: isRejected ? [] : [{ [component]: serial }],
        fates: isRejected ? [[component, serial, "rejected"]] : [],
        requests: [],
      };
    },
    reorganize: async () => ({ releases: [], fates: [], requests: [] }),
  };
}
