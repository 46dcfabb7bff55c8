import { createHash, type Hash } from "node:crypto";
import type { Value } from "../graph/ir.ts";
import type { StepGraph } from "../graph/step-graph.ts";
import { attributesKey } from "../passes/common-subexpressions.ts";

/**
 * Digest of a step's structure: two steps with equal keys consist of the same operations on values of the same shapes and
 * constants, and so compile to the same code.
 */
export function stepKey({ nodes, states, batch, rate, negativeRate, loss }: StepGraph): string {
  const ids = new Map<Value, number>();
  const constants: Value[] = [];
  const id = (value: Value | null): string => {
    if (value === null) return "-";
    const known = ids.get(value);
    if (known !== undefined) return String(known);
    ids.set(value, ids.size);
    if (value.constant !== undefined) constants.push(value);
    return `${ids.size - 1}:${value.type}[${value.shape}]${value.constant === undefined ? "" : "="}`;
  };
  const parts = [rate, negativeRate, ...batch.map(({ value }) => value), ...states.map(({ before }) => before)].map(id);
  for (const { op, inputs, outputs, attributes } of nodes) {
    parts.push(op, ...inputs.map(id), ">", ...outputs.map(id), attributesKey(attributes));
  }
  parts.push(id(loss), ...states.map(({ after }) => id(after)));
  const names = [...batch, ...states].map(({ name }) => name);
  const hash = createHash("sha256").update(JSON.stringify([names, parts]));
  for (const value of constants) addConstant(hash, value);
  return hash.digest("hex");
}

function addConstant(hash: Hash, { constant }: Value): void {
  if (ArrayBuffer.isView(constant))
    hash.update(new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength));
  else hash.update(JSON.stringify(constant));
}
