import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { generateOnnxSchema, onnxSchemaFile } from "../../helpers/onnx-schema.ts";
import { generateProtoTypes } from "../../helpers/proto-types.ts";

async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, "utf8")]),
  );
  return Object.fromEntries(texts) as Record<string, string>;
}

test("the generated types are those of proto/ (if not: npm run generate)", async () => {
  const fresh = await mkdtemp(join(tmpdir(), "uncouple-gen-"));
  onTestFinished(() => rm(fresh, { recursive: true }));
  await generateProtoTypes(fresh);
  const committed = await contents(resolve(import.meta.dirname, "../../../services/rpc/gen"));
  expect(Object.keys(committed).length).toBeGreaterThan(10);
  expect(await contents(fresh)).toEqual(committed);
});

test("the ONNX schema is the official one in proto/onnx (if not: npm run generate)", async () => {
  expect(await generateOnnxSchema()).toBe(await readFile(onnxSchemaFile, "utf8"));
});
