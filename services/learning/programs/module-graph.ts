import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, resolve } from "node:path";
import { type BuildFailure, build, type Metafile } from "esbuild";
import { UncoupleError } from "../../common/errors.ts";
import { requireModuleFile } from "./user-model.ts";

/**
 * Computes the SHA-256 (lower-case hex) of a user's model module and everything that it imports: path and content of
 * the module and of each local file in its import graph, and name and version of each package that these import. Does
 * not cover files that the code opens itself.
 *
 * @param path absolute
 * @throws UncoupleError `invalid-argument` naming the file and what is wrong with it
 */
export async function moduleFingerprint(path: string): Promise<string> {
  await requireModuleFile(path);
  const folder = dirname(path);
  const { inputs } = await graphOf(path, folder);
  const hash = createHash("sha256");
  for (const file of Object.keys(inputs).sort()) {
    const content = await readFile(resolve(folder, file));
    hash.update(`${JSON.stringify([file, content.length])}\n`).update(content);
  }
  const packages = new Set<string>();
  for (const [file, { imports }] of Object.entries(inputs)) {
    for (const { path: imported, external } of imports) {
      if (external === true && !isBuiltin(imported)) {
        packages.add(await packageVersion(packageName(imported), dirname(resolve(folder, file))));
      }
    }
  }
  return hash.update(JSON.stringify([...packages].sort())).digest("hex");
}

async function graphOf(path: string, folder: string): Promise<Metafile> {
  try {
    const { metafile } = await build({
      entryPoints: [path],
      absWorkingDir: folder,
      bundle: true,
      write: false,
      metafile: true,
      packages: "external",
      platform: "node",
      format: "esm",
      logLevel: "silent",
    });
    return metafile;
  } catch (cause) {
    const [error] = (cause as Partial<BuildFailure>).errors ?? [];
    const place = error?.location == null ? "" : `${error.location.file}:${error.location.line}: `;
    const message = `${place}${error?.text ?? (cause as Error).message}`;
    throw new UncoupleError("invalid-argument", `model module ${path}: cannot be loaded: ${message}`, { cause });
  }
}

/** `@scope/name/deep/file` belongs to `@scope/name`. */
function packageName(imported: string): string {
  return imported
    .split("/")
    .slice(0, imported.startsWith("@") ? 2 : 1)
    .join("/");
}

/** `name@version` of the package as resolved from the folder. Loading the module reports missing packages. */
async function packageVersion(name: string, folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const manifest = JSON.parse(await readFile(join(at, "node_modules", name, "package.json"), "utf8")) as {
        version?: unknown;
      };
      return `${name}@${String(manifest.version)}`;
    } catch {
      if (at === dirname(at)) return `${name}@missing`;
    }
  }
}
