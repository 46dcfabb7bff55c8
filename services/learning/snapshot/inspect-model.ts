import { UncoupleError } from "../../common/errors.ts";
import { type FieldRules, walkModel } from "../../engine/compiler/onnx/walk-model.ts";

/** Operators without a bound on their running time: a single model with one could block an evaluator forever. */
const UNBOUNDED = new Set(["Loop", "Scan"]);

/** `TensorProto.DataLocation.DEFAULT`: the data is stored in the model. */
const IN_MODEL = 0;

/** These apply everywhere, including nested graphs, functions and training graphs. */
const RULES: FieldRules = {
  NodeProto: {
    opType(value, path) {
      const operator = new TextDecoder().decode(value as Uint8Array);
      if (!UNBOUNDED.has(operator)) return;
      throw new UncoupleError(
        "invalid-argument",
        `the model contains a ${operator} (${path()}); snapshots must not contain loops`,
      );
    },
  },
  TensorProto: {
    dataLocation(value, path) {
      if (value !== IN_MODEL) throw external(path());
    },
    externalData: (_, path) => {
      throw external(path());
    },
  },
};

/**
 * Rejects bytes that must not reach ONNX Runtime: bytes that are not an ONNX model, models with tensors in external
 * files (the path could name any file on this machine), and models with loops.
 *
 * @throws UncoupleError `invalid-argument`
 */
export function inspectModel(bytes: Uint8Array): void {
  let graphs = 0;
  walkModel(bytes, {
    ...RULES,
    ModelProto: {
      graph() {
        graphs++;
      },
    },
  });
  if (graphs === 0) throw new UncoupleError("invalid-argument", "not a valid ONNX model: it contains no graph");
}

function external(path: string): UncoupleError {
  return new UncoupleError(
    "invalid-argument",
    `the model stores a tensor in an external file (${path}); save the model with all tensors embedded`,
  );
}
