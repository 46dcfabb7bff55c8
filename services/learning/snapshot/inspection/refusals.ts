import { ModelFault } from "../faults/model-fault.ts";

/** The bytes are not a model, or contradict themselves. */
export function malformed(what: string): ModelFault {
  return new ModelFault("malformed-model", `not a valid ONNX model: ${what}`);
}

/** A construct that is not on the lists of allowed ones. */
export function forbidden(what: string): ModelFault {
  return new ModelFault("forbidden-operator", what);
}

/** A size that is too large, before memory or time is spent on it. */
export function tooExpensive(what: string): ModelFault {
  return new ModelFault("too-expensive", what);
}
