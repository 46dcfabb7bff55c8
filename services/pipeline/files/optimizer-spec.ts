import * as z from "zod";
import { DEFAULT_TEAM, type OptimizerSpec } from "../team.ts";
import { parseWith, strict } from "./schema.ts";
import type { Reporter } from "./yaml-file.ts";

const rate = z.number().gt(0).max(1000).default(DEFAULT_TEAM.optimizer.learningRate);
const decayRate = z.number().min(0).lt(1);

const OPTIMIZERS = {
  sgd: strict({ name: z.literal("sgd"), learning_rate: rate }),
  momentum: strict({ name: z.literal("momentum"), learning_rate: rate, momentum: decayRate.default(0.9) }),
  adam: strict({
    name: z.literal("adam"),
    learning_rate: rate,
    beta1: decayRate.default(DEFAULT_TEAM.optimizer.beta1),
    beta2: decayRate.default(DEFAULT_TEAM.optimizer.beta2),
    epsilon: z.number().gt(0).max(1).default(DEFAULT_TEAM.optimizer.epsilon),
  }),
};

/** Parses `optimizer` in a team file, or its old name `optimiser`. @returns undefined after reporting every problem */
export function parseOptimizer(
  file: Readonly<Record<string, unknown>>,
  reporter: Reporter,
  deprecated: Reporter,
): OptimizerSpec | undefined {
  const isOld = file.optimiser !== undefined;
  if (isOld && file.optimizer !== undefined) {
    reporter.report(["optimiser"], "is the old name of optimizer, which is also set; remove it");
    return undefined;
  }
  if (isOld) deprecated.report(["optimiser"], "is deprecated; rename it to optimizer");
  const value = isOld ? file.optimiser : file.optimizer;
  const given =
    value === undefined ? { name: DEFAULT_TEAM.optimizer.name } : typeof value === "string" ? { name: value } : value;
  const path = [isOld ? "optimiser" : "optimizer"];
  const named = parseWith(z.looseObject({ name: z.enum(["sgd", "momentum", "adam"]) }), given, path, reporter);
  if (named === undefined) return undefined;
  if (named.name === "sgd") {
    const parsed = parseWith(OPTIMIZERS.sgd, given, path, reporter);
    return parsed && { name: parsed.name, learningRate: parsed.learning_rate };
  }
  if (named.name === "momentum") {
    const parsed = parseWith(OPTIMIZERS.momentum, given, path, reporter);
    return parsed && { name: parsed.name, learningRate: parsed.learning_rate, momentum: parsed.momentum };
  }
  const parsed = parseWith(OPTIMIZERS.adam, given, path, reporter);
  if (parsed === undefined) return undefined;
  const { name, beta1, beta2, epsilon } = parsed;
  return { name, learningRate: parsed.learning_rate, beta1, beta2, epsilon };
}
