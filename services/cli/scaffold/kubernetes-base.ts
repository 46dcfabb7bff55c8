import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageInfo } from "../../runtime/package-info.ts";
import type { NewFile } from "../files/write-all.ts";

/** Folder of a version's manifests in a deployment. An upgrade changes the version in it, on one line of each overlay. */
export const baseFolder = (version: string) => `uncouple/${version}`;

/** The manifests that overlays stand on, as files of a deployment: what this version ships in deploy/k8s. */
export async function kubernetesBase(): Promise<readonly NewFile[]> {
  const { root, version } = packageInfo();
  const files: NewFile[] = [];
  for (const part of ["base", "components"]) {
    const folder = join(root, "deploy", "k8s", part);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const path = file.slice(folder.length + 1).replaceAll("\\", "/");
      files.push({ path: `${baseFolder(version)}/${part}/${path}`, content: await readFile(file, "utf8") });
    }
  }
  return files.sort((one, other) => (one.path < other.path ? -1 : 1));
}
