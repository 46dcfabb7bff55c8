import type { GraphProto, ModelProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { floats, LAYER, modelOf, node, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

const layer = (graph: Partial<GraphProto>, nodes = [LAYER], constants = [WEIGHTS]): ModelProto =>
  modelOf({ nodes, constants, graph });

/** Models that run, but are not what the pipeline file asks for. */
export function wrongContracts(): CorpusCase[] {
  const inputs: Record<string, ModelProto> = {
    "an input of another name": layer({ input: [value("X", ["rows", 10])] }, [node("MatMul", "X w", "z")]),
    "an input too many": layer({ input: [value("x1", ["rows", 10]), value("secret", ["rows", 1])] }),
    "no input": layer({ input: [] }, [node("Identity", "w", "z")], [floats("w", [10, 3])]),
    "an input of another width": layer({ input: [value("x1", ["rows", 9])] }, [LAYER], [floats("w", [9, 3])]),
    "an input of doubles": layer({ input: [value("x1", ["rows", 10], "double")] }, [
      node("Cast", "x1", "x", { to: 1 }),
      node("MatMul", "x w", "z"),
    ]),
    "an input of texts": layer({ input: [value("x1", ["rows", 10], "string")] }, [
      node("Cast", "x1", "x", { to: 1 }),
      node("MatMul", "x w", "z"),
    ]),
    "a fixed number of rows": layer({ input: [value("x1", [4, 10])], output: [value("z", [4, 3])] }),
  };
  const outputs: Record<string, ModelProto> = {
    "an output of another name": layer({ output: [value("y", ["rows", 3])] }, [node("MatMul", "x1 w", "y")]),
    "no output": layer({ output: [] }),
    "an output of another width": layer({ output: [value("z", ["rows", 2])] }, [LAYER], [floats("w", [10, 2])]),
    "an output of integers": layer({ output: [value("z", ["rows", 3], "int64")] }, [
      node("MatMul", "x1 w", "y"),
      node("Cast", "y", "z", { to: 7 }),
    ]),
    "an output of another rank": layer(
      { output: [value("z", ["rows"])] },
      [node("MatMul", "x1 w", "y"), node("ReduceMean", "y axes", "z", { keepdims: 0 })],
      [WEIGHTS, { name: "axes", dims: [1], dataType: 7, int64Data: [1] }],
    ),
    "fewer rows than it was given, which it does not declare": layer(
      { output: [{ name: "z", type: { tensorType: { elemType: 1 } } }] },
      [node("MatMul", "x1 w", "y"), node("ReduceMean", "y axes", "z")],
      [WEIGHTS, { name: "axes", dims: [1], dataType: 7, int64Data: [0] }],
    ),
  };
  const cases = (models: Readonly<Record<string, ModelProto>>, reason: "wrong-inputs" | "wrong-output"): CorpusCase[] =>
    Object.entries(models).map(([name, model]) => ({ name, reason, found: "host", bytes: () => encodeModel(model) }));
  return [...cases(inputs, "wrong-inputs"), ...cases(outputs, "wrong-output")];
}
