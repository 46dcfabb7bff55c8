import { UncoupleError } from "../../common/errors.ts";
import { type FieldRules, walkModel } from "../../engine/compiler/onnx/walk-model.ts";

/** Operators that can run for as long as their author likes: one such model could block an evaluator forever. */
const UNBOUNDED = new Set(["Loop", "Scan"]);

/** `TensorProto.DataLocation.DEFAULT`: the data is inside the model. */
const INSIDE = 0;

/** Apply everywhere, including nested graphs, functions and training graphs. */
const RULES: FieldRules = {
  NodeProto: {
    opType(value, path) {
      const operator = new TextDecoder().decode(value as Uint8Array);
      if (!UNBOUNDED.has(operator)) return;
      throw new UncoupleError(
        "invalid-argument",
        `the model contains a ${operator} (${path()}); snapshots must not loop`,
      );
    },
  },
  TensorProto: {
    dataLocation(value, path) {
      if (value !== INSIDE) throw external(path());
    },
    externalData: (_, path) => {
      throw external(path());
    },
  },
};

/**
 * Rejects bytes that must not reach ONNX Runtime: those that are not an ONNX model, models with tensors in external
 * files (such a path could name any file of this machine), and models that loop.
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
    `the model stores a tensor in an external file (${path}); save the model with all its tensors inside`,
  );
}
