import { createHash } from "node:crypto";
import type { Column } from "../../data/table/table.ts";
import type { InputRequest, StageRequest } from "../frames/messages.ts";
import type { HostedModel, InferencePlan, RunOptions } from "../inference.ts";
import type { Call } from "./host-session.ts";

/** Turns plans into requests, in which keys name columns, models and outputs. */
export function createCalls(): (plan: InferencePlan, options: RunOptions, cacheBytes: number) => Call {
  const keys = new WeakMap<Column, string>();
  const modelKeys = new WeakMap<HostedModel, string>();
  let count = 0;
  const keyOf = (column: Column): string => {
    const known = keys.get(column);
    if (known !== undefined) return known;
    count += 1;
    keys.set(column, String(count));
    return String(count);
  };

  const modelKeyOf = (model: HostedModel): string => {
    const key = modelKeys.get(model) ?? hashOf([model.digest, model.contract]);
    modelKeys.set(model, key);
    return key;
  };

  return (plan, options, cacheBytes) => {
    const columns = new Map<string, Column>();
    const stages: StageRequest[] = [];
    for (const { model, inputs, output } of plan.stages) {
      const key = modelKeyOf(model);
      const read: Record<string, InputRequest> = {};
      for (const [name, from] of Object.entries(inputs)) {
        if ("stage" in from) {
          read[name] = from;
          continue;
        }
        const column = keyOf(from.column);
        columns.set(column, from.column);
        read[name] = { column };
      }
      stages.push({
        model: key,
        contract: model.contract,
        inputs: read,
        ...(output !== undefined && { output }),
        key: hashOf([
          key,
          output,
          Object.entries(read)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, from]) => ["stage" in from ? (stages[from.stage] as StageRequest).key : from.column, name]),
        ]),
      });
    }
    const { rows, wanted, keep } = plan;
    return { plan, options, columns, request: { rows, stages, wanted, keep, cacheBytes } };
  };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
