import { UncoupleError } from "../../common/errors.ts";
import {
  decodeModel,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "../../engine/compiler/onnx/onnx-proto.ts";

/** Graphs nested deeper than this are refused before a recursive reader meets them. */
const DEEPEST_NESTING = 16;

/** Operators that can run for as long as their author likes: one such model could hold up an evaluator for ever. */
const UNBOUNDED = new Set(["Loop", "Scan"]);

/**
 * Refuses a model that must not even reach ONNX Runtime: bytes that are no ONNX model, and models that keep tensors in
 * files beside them (a snapshot is one file; a path in it could name any file of this machine) or that loop.
 *
 * @throws UncoupleError `invalid-argument`
 */
export function inspectModel(bytes: Uint8Array): void {
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (thrown) {
    throw new UncoupleError("invalid-argument", "the bytes are no ONNX model: they do not parse", { cause: thrown });
  }
  if (model.graph === undefined || (model.graph.node ?? []).length === 0) {
    throw new UncoupleError("invalid-argument", "the bytes are no ONNX model: there is no graph in them");
  }
  inspectGraph(model.graph, 0);
  for (const { node } of model.functions ?? []) inspectGraph({ node: node ?? [] }, 0);
}

function inspectGraph(graph: GraphProto, depth: number): void {
  if (depth > DEEPEST_NESTING) throw new UncoupleError("invalid-argument", "the model's graphs are nested too deep");
  for (const tensor of graph.initializer ?? []) inspectTensor(tensor);
  for (const { values, indices } of graph.sparseInitializer ?? []) {
    for (const tensor of [values, indices]) if (tensor !== undefined) inspectTensor(tensor);
  }
  for (const node of graph.node ?? []) {
    if (UNBOUNDED.has(node.opType ?? "")) {
      throw new UncoupleError("invalid-argument", `the model contains a ${node.opType}; a snapshot must not loop`);
    }
    for (const attribute of node.attribute ?? []) {
      for (const tensor of [attribute.t, ...(attribute.tensors ?? [])]) if (tensor !== undefined) inspectTensor(tensor);
      for (const inner of [attribute.g, ...(attribute.graphs ?? [])]) {
        if (inner !== undefined) inspectGraph(inner, depth + 1);
      }
    }
  }
}

function inspectTensor(tensor: TensorProto): void {
  if (tensor.dataLocation === 1 || (tensor.externalData ?? []).length > 0) {
    throw new UncoupleError(
      "invalid-argument",
      `the model keeps the tensor ${tensor.name ?? ""} in a file of its own; save it with all tensors inside`,
    );
  }
}
