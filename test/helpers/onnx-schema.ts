import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import protobuf from "protobufjs";

/** The ONNX release whose schema `proto/onnx/onnx.proto` is. */
const RELEASE = "1.23.2";

const root = resolve(import.meta.dirname, "../..");

export const onnxSchemaFile = resolve(root, "services/engine/compiler/onnx/gen/onnx-schema.ts");

const scalars: Readonly<Record<string, string>> = {
  string: "string",
  bytes: "Uint8Array",
  ...Object.fromEntries(["int32", "int64", "uint64", "float", "double"].map((type) => [type, "number"])),
};

/** Generates the TypeScript module that holds ONNX's official schema: the types of its messages, and its descriptor. */
export async function generateOnnxSchema(): Promise<string> {
  const official = await readFile(resolve(root, "proto/onnx/onnx.proto"), "utf8");
  const schema = protobuf.parse(asProto3(official)).root.resolveAll();
  const onnx = schema.lookup("onnx") as protobuf.Namespace;
  return [
    `// Generated from proto/onnx/onnx.proto (ONNX ${RELEASE}) by \`npm run generate\`; do not edit.`,
    "// Copyright (c) ONNX Project Contributors",
    "// SPDX-License-Identifier: Apache-2.0",
    "",
    'import type { INamespace } from "protobufjs";',
    "",
    ...messageTypes(onnx).map(declaration),
    `export const ONNX_RELEASE = "${RELEASE}";`,
    "",
    `export const ONNX_IR_VERSION = ${onnx.lookupEnum("Version").values.IR_VERSION};`,
    "",
    `export const onnxSchema: INamespace = ${JSON.stringify(schema.toJSON(), null, 2)};`,
    "",
  ].join("\n");
}

/**
 * Applies the rules by which ONNX makes its own onnx.proto3 (`onnx/gen_proto.py`). The wire format is the same, except
 * that encoders pack repeated numbers.
 */
function asProto3(official: string): string {
  return official.replace('syntax = "proto2";', 'syntax = "proto3";').replace(/^(\s*)optional\s/gm, "$1");
}

/** The message types of a namespace, nested ones included. */
function messageTypes(namespace: protobuf.Namespace): protobuf.Type[] {
  return namespace.nestedArray.flatMap((inner) =>
    inner instanceof protobuf.Type ? [inner, ...messageTypes(inner)] : [],
  );
}

function declaration(type: protobuf.Type): string {
  const fields = type.fieldsArray.map((field) => {
    const one = typeOf(field);
    return `  ${field.name}?: ${field.repeated ? `${one}[]` : one};`;
  });
  return [`export interface ${interfaceName(type)} {`, ...fields, "}", ""].join("\n");
}

function typeOf(field: protobuf.Field): string {
  if (field.resolvedType instanceof protobuf.Type) return interfaceName(field.resolvedType);
  if (field.resolvedType instanceof protobuf.Enum) return "number";
  const scalar = scalars[field.type];
  if (scalar === undefined) throw new Error(`${field.fullName}: no TypeScript type for ${field.type}`);
  return scalar;
}

/** `.onnx.TypeProto.Tensor` is `TypeProtoTensor`. */
function interfaceName(type: protobuf.Type): string {
  return type.fullName.slice(".onnx.".length).replaceAll(".", "");
}
