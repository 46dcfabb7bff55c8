import { z } from "zod";
import type { FreezeWindow, GatePolicy } from "../gate.ts";
import type { PipelineContent } from "../pipeline-content.ts";
import { parseDocument } from "./document.ts";

const share = z.number();

const gateSchema: z.ZodType<GatePolicy> = z.looseObject({
  mode: z.enum(["observe", "enforce"]),
  require: z.enum(["improved", "non-inferior"]),
  measure: z.enum(["composed", "audited", "both"]),
  margin: z.number(),
  horizon: z.int().min(1),
  transitionBudget: z.number(),
  guards: z.record(z.string(), z.number()),
  slices: z.array(z.string()),
  hold: z.array(z.string()),
  split: z.tuple([share, share, share]),
  bootstrap: z.enum(["person", "newest"]),
});

const reason = z.string().nullable();
const freezeSchema: z.ZodType<FreezeWindow> = z.union([
  z.looseObject({ reason, from: z.string(), to: z.string() }),
  z.looseObject({ reason, fromMinute: z.number(), toMinute: z.number() }),
]);

const contentSchema = z.looseObject({
  components: z.record(z.string(), z.unknown()),
  gate: gateSchema.exactOptional(),
  freeze: z.array(freezeSchema).exactOptional(),
});

/** What a pipeline file says about who may release what. */
export interface ReleaseRules {
  /** Names of the components, in topological order. */
  readonly components: readonly string[];
  /** Undefined without a gate. */
  readonly gate: GatePolicy | undefined;
  readonly freeze: readonly FreezeWindow[];
}

/** Reads them from an applied pipeline file. @throws UncoupleError `data-loss` naming every invalid field */
export function releaseRulesOf(content: PipelineContent): ReleaseRules {
  const { components, gate, freeze = [] } = parseDocument(contentSchema, "pipeline file in force", content);
  return { components: Object.keys(components), gate, freeze };
}
