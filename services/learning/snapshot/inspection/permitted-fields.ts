import { forbidden } from "./refusals.ts";

/**
 * The fields that a snapshot may use, by message of the schema, with the message type of those that hold one. Left out are
 * external data, sparse tensors and types, optional and opaque types, local functions (which could redefine an
 * operator), training graphs, quantization annotations, and the placement on devices.
 */
const PERMITTED: Readonly<Record<string, Readonly<Record<string, string | null>>>> = {
  ModelProto: {
    irVersion: null,
    opsetImport: "OperatorSetIdProto",
    producerName: null,
    producerVersion: null,
    domain: null,
    modelVersion: null,
    docString: null,
    graph: "GraphProto",
    metadataProps: "StringStringEntryProto",
  },
  OperatorSetIdProto: { domain: null, version: null },
  StringStringEntryProto: { key: null, value: null },
  GraphProto: {
    node: "NodeProto",
    name: null,
    initializer: "TensorProto",
    docString: null,
    input: "ValueInfoProto",
    output: "ValueInfoProto",
    valueInfo: "ValueInfoProto",
    metadataProps: "StringStringEntryProto",
  },
  NodeProto: {
    input: null,
    output: null,
    name: null,
    opType: null,
    domain: null,
    overload: null,
    attribute: "AttributeProto",
    docString: null,
    metadataProps: "StringStringEntryProto",
  },
  AttributeProto: {
    name: null,
    docString: null,
    type: null,
    f: null,
    i: null,
    s: null,
    t: "TensorProto",
    g: "GraphProto",
    floats: null,
    ints: null,
    strings: null,
  },
  TensorProto: {
    dims: null,
    dataType: null,
    floatData: null,
    int32Data: null,
    stringData: null,
    int64Data: null,
    name: null,
    docString: null,
    rawData: null,
    dataLocation: null,
    doubleData: null,
    uint64Data: null,
    metadataProps: "StringStringEntryProto",
  },
  ValueInfoProto: { name: null, type: "TypeProto", docString: null, metadataProps: "StringStringEntryProto" },
  TypeProto: {
    tensorType: "TypeProto.Tensor",
    sequenceType: "TypeProto.Sequence",
    mapType: "TypeProto.Map",
    denotation: null,
  },
  "TypeProto.Tensor": { elemType: null, shape: "TensorShapeProto" },
  "TypeProto.Sequence": { elemType: "TypeProto" },
  "TypeProto.Map": { keyType: null, valueType: "TypeProto" },
  TensorShapeProto: { dim: "TensorShapeProto.Dimension" },
  "TensorShapeProto.Dimension": { dimValue: null, dimParam: null, denotation: null },
};

/**
 * Rejects a decoded model that uses any other field of the schema.
 *
 * @throws ModelFault `forbidden-operator`
 */
export function checkFields(model: object): void {
  checkMessage("ModelProto", model);
}

function checkMessage(type: string, message: object): void {
  const permitted = PERMITTED[type] ?? {};
  for (const [field, value] of Object.entries(message) as [string, object | object[]][]) {
    const inner = permitted[field];
    if (inner === undefined) {
      const official = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      throw forbidden(`the model uses the field ${official} of ${type}, which snapshots must not contain`);
    }
    if (inner === null) continue;
    for (const each of Array.isArray(value) ? value : [value]) checkMessage(inner, each);
  }
}
