/** `npm run generate`: brings services/rpc/gen and services/engine/compiler/onnx/gen up to date with proto/. */
import { rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { generateOnnxSchema, onnxSchemaFile } from "./onnx-schema.ts";
import { generateProtoTypes } from "./proto-types.ts";

const folder = resolve(import.meta.dirname, "../../services/rpc/gen");
await rm(folder, { recursive: true, force: true });
await generateProtoTypes(folder);
await writeFile(onnxSchemaFile, await generateOnnxSchema());
