import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Vitest's global setup of tests that run the build in dist/. @throws Error when a source is newer than the build */
export default async function requireBuild(): Promise<void> {
  const built = await stat(join(root, "dist/services/cli/main.js")).catch(() => undefined);
  if (built === undefined) throw new Error("these tests run the build: npm run build");
  const files = await readdir(join(root, "services"), { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile() && one.name.endsWith(".ts"))) {
    const path = join(file.parentPath, file.name);
    if ((await stat(path)).mtimeMs > built.mtimeMs) throw new Error(`${path} is newer than the build: npm run build`);
  }
}
