import type { AttributeProto, NodeProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { plainName } from "../faults/plain-name.ts";
import { checkTensor } from "./check-tensor.ts";
import { intOf } from "./facts.ts";
import { type AttributeType, attributesOf, DEFAULT_DOMAIN, domainNamed, type OperatorDomain } from "./operators.ts";
import { forbidden, malformed } from "./refusals.ts";

/** Imported opset by domain. */
export type Opsets = ReadonlyMap<OperatorDomain, number>;

/** `AttributeProto.AttributeType` and the field that holds the value. */
const VALUES: Readonly<Record<AttributeType, { readonly code: number; readonly field: keyof AttributeProto }>> = {
  float: { code: 1, field: "f" },
  int: { code: 2, field: "i" },
  string: { code: 3, field: "s" },
  tensor: { code: 4, field: "t" },
  graph: { code: 5, field: "g" },
  floats: { code: 6, field: "floats" },
  ints: { code: 7, field: "ints" },
  strings: { code: 8, field: "strings" },
};

/** The name of an operator as people read it: `MatMul`, `ai.onnx.ml.Scaler`. */
export function operatorName(domain: OperatorDomain, operator: string): string {
  return domain.name === DEFAULT_DOMAIN ? operator : `${domain.name}.${operator}`;
}

/**
 * Checks a node's operator and attributes against the lists.
 *
 * @returns the operator's name
 * @throws ModelFault
 */
export function checkNode(node: NodeProto, opsets: Opsets): string {
  const { opType = "", overload = "", domain: domainName = "" } = node;
  const domain = domainNamed(domainName);
  if (domain === undefined || overload !== "") {
    throw forbidden(
      `the model contains the operator ${plainName(domainName)}.${plainName(opType)}, whose domain snapshots must not use`,
    );
  }
  const name = operatorName(domain, plainName(opType));
  const opset = opsets.get(domain);
  if (opset === undefined) throw malformed(`it contains ${name} without importing an opset of ${domain.name}`);
  const attributes = attributesOf(domain, opType, opset);
  if (attributes === undefined) {
    throw forbidden(`the model contains the operator ${name} (opset ${opset}), which snapshots must not contain`);
  }
  const seen = new Set<string>();
  for (const attribute of node.attribute ?? []) {
    const given = attribute.name ?? "";
    if (seen.has(given)) throw malformed(`an operator ${name} has the attribute ${plainName(given)} twice`);
    seen.add(given);
    const type = attributes.get(given);
    if (type === undefined) {
      throw forbidden(
        `the model's operator ${name} has the attribute ${plainName(given)}, which it must not have in opset ${opset}`,
      );
    }
    checkValue(name, given, attribute, type);
  }
  // In training, batches are normalized by their own mean.
  if (opType === "BatchNormalization" && intOf(node, "training_mode", 0) !== 0) {
    throw forbidden("the model contains a BatchNormalization in training mode; export the model for inference");
  }
  return name;
}

function checkValue(operator: string, name: string, attribute: AttributeProto, type: AttributeType): void {
  const { code, field } = VALUES[type];
  if (attribute.type !== code) throw malformed(`the attribute ${name} of ${operator} is not of the type ${type}`);
  for (const other of Object.values(VALUES)) {
    if (other.field !== field && attribute[other.field] !== undefined) {
      throw malformed(`the attribute ${name} of ${operator} has values of two types`);
    }
  }
  if (type !== "tensor" && type !== "graph") return;
  if (attribute[field] === undefined) throw malformed(`the attribute ${name} of ${operator} has no value`);
  if (attribute.t !== undefined) checkTensor(attribute.t);
}
