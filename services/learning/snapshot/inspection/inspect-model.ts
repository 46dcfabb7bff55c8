import { asUncoupleError } from "../../../common/errors.ts";
import { decodeModel } from "../../../engine/compiler/onnx/decode-model.ts";
import type { ModelProto, ValueInfoProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { type FieldRules, walkModel } from "../../../engine/compiler/onnx/walk-model.ts";
import { ModelFault } from "../faults/model-fault.ts";
import { plainName } from "../faults/plain-name.ts";
import { GraphCheck } from "./check-graph.ts";
import type { Opsets } from "./check-node.ts";
import { elementTypeName } from "./check-tensor.ts";
import { domainNamed, type OperatorDomain } from "./operators.ts";
import { checkFields } from "./permitted-fields.ts";
import { forbidden, malformed } from "./refusals.ts";

/** A value that a model declares. */
export interface DeclaredValue {
  readonly name: string;
  /** The type of its elements, such as `float32` or `string`; `sequence` or `map` for what is not a tensor. */
  readonly type: string;
  /** Names of open dimensions as the model calls them, empty if it does not; undefined if the model declares no shape. */
  readonly shape: readonly (number | string)[] | undefined;
}

/** What inspection says about a model that it accepts. */
export interface InspectedModel {
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
  /** The operators that occur, sorted: `MatMul`, `ai.onnx.ml.Scaler`. */
  readonly operators: readonly string[];
}

/** `TensorProto.DataLocation.DEFAULT`: the data is stored in the model. */
const IN_MODEL = 0;

/** These apply everywhere, also to what is refused later. */
const RULES: FieldRules = {
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
 * Rejects bytes that must not reach ONNX Runtime: bytes that are not an ONNX model or that decoders could understand
 * differently, tensors in external files (the path could name any file on this machine), and whatever is not on the
 * lists of operators, attributes, fields and element types. Sizes that are known without running the model are bounded.
 * Runs nothing, takes memory and time in proportion to the bytes, and is pure.
 *
 * @throws ModelFault `malformed-model`, `forbidden-operator` or `too-expensive`
 */
export function inspectModel(bytes: Uint8Array): InspectedModel {
  try {
    walkModel(bytes, RULES);
  } catch (thrown) {
    if (thrown instanceof ModelFault) throw thrown;
    const error = asUncoupleError(thrown);
    throw error.code === "invalid-argument" ? new ModelFault("malformed-model", error.message) : error;
  }
  const model = decodeModel(bytes);
  const { graph } = model;
  if (graph === undefined) throw malformed("it contains no graph");
  checkFields(model);
  const check = new GraphCheck(importedOpsets(model));
  check.check(graph);
  const initializers = new Set(graph.initializer?.map(({ name }) => name));
  const inputs = (graph.input ?? []).filter(({ name }) => !initializers.has(name));
  return {
    inputs: inputs.map(declaredValue),
    outputs: (graph.output ?? []).map(declaredValue),
    operators: [...check.operators].sort(),
  };
}

function importedOpsets({ opsetImport = [] }: ModelProto): Opsets {
  const opsets = new Map<OperatorDomain, number>();
  for (const { domain: name = "", version = 0 } of opsetImport) {
    const domain = domainNamed(name);
    if (domain === undefined) {
      throw forbidden(`the model imports operators of the domain ${plainName(name)}, which snapshots must not use`);
    }
    if ((opsets.get(domain) ?? version) !== version) throw malformed(`it imports two opsets of ${domain.name}`);
    const { firstOpset, lastOpset } = domain;
    if (version < firstOpset || version > lastOpset) {
      throw forbidden(
        `the model imports opset ${version} of ${domain.name}; snapshots may import ${firstOpset} to ${lastOpset}`,
      );
    }
    opsets.set(domain, version);
  }
  return opsets;
}

function declaredValue({ name = "", type }: ValueInfoProto): DeclaredValue {
  const { tensorType, sequenceType } = type ?? {};
  if (tensorType === undefined) {
    return { name, type: sequenceType === undefined ? "map" : "sequence", shape: undefined };
  }
  return {
    name,
    type: elementTypeName(tensorType.elemType),
    shape: tensorType.shape?.dim?.map(({ dimValue, dimParam = "" }) => dimValue ?? dimParam),
  };
}

function external(path: string): ModelFault {
  return new ModelFault(
    "malformed-model",
    `the model stores a tensor in an external file (${path}); save the model with all tensors embedded`,
  );
}
