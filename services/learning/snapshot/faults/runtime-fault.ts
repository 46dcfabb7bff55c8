import { UncoupleError } from "../../../common/errors.ts";
import { ModelFault } from "./model-fault.ts";

/** Memory ran out while a model was loaded or run, which need not be the model's fault. */
export class OutOfMemory extends UncoupleError {
  constructor(message: string) {
    super("resource-exhausted", message);
    this.name = "OutOfMemory";
  }
}

const NO_MEMORY = /bad_alloc|bad allocation|failed to allocate|allocation failed|out of memory|std::length_error/i;

/**
 * What ONNX Runtime's error says about a model, without ONNX Runtime's own text: that may quote what a tensor contains,
 * and the text of a fault is public.
 *
 * @param what failed, for the start of the message
 * @returns a ModelFault that names the operator, or OutOfMemory
 */
export function runtimeFault(what: string, thrown: unknown): ModelFault | OutOfMemory {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (NO_MEMORY.test(text)) return new OutOfMemory(`${what}: out of memory`);
  return new ModelFault("malformed-model", `${what}${whereIn(text)}`);
}

/** Identifiers of at most 64 plain characters; names of nodes come from the model, and are long or odd only on purpose. */
const NODE = [
  /running (\w{1,64}) node\. Name:'([\w./:-]{0,64})'/,
  /No Op registered for (\w{1,64}) with domain_version/,
  /Fatal error: [\w.]{0,64}:(\w{1,64})\(/,
  /Node \(([\w./:-]{0,64})\) Op \((\w{1,64})\)/,
  /Node: ?([\w./:-]{1,64})/,
];

function whereIn(text: string): string {
  for (const pattern of NODE) {
    const names = pattern
      .exec(text)
      ?.slice(1)
      .filter((name) => name !== "");
    if (names !== undefined && names.length > 0) return `: the node ${names.join(" ")} is invalid`;
  }
  return "";
}
