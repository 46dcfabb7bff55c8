import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { parseAllDocuments } from "yaml";

export const root = resolve(import.meta.dirname, "../..");
export const deploy = join(root, "deploy");

/** A YAML value whose shape the schemas of Kubernetes decide. */
// biome-ignore lint/suspicious/noExplicitAny: every manifest is checked against its schema first
export type Manifest = any;

export interface Document {
  /** Relative to the root. */
  readonly file: string;
  readonly value: Manifest;
  /** Whether it only has what it changes of another document. */
  readonly isPatch: boolean;
}

/** All YAML files of a folder, relative to the root. */
export async function yamlFiles(folder = deploy): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => relative(root, join(folder, name)))
    .sort();
}

/** @throws the parser's error with the file's name */
export async function readDocuments(file: string): Promise<readonly Manifest[]> {
  // Kubernetes reads YAML 1.1, where `on` and 0440 are other values than in 1.2.
  const documents = parseAllDocuments(await readFile(join(root, file), "utf8"), { version: "1.1", uniqueKeys: true });
  return [...documents].map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw new Error(`${file}: ${error.message}`);
    return document.toJS();
  });
}

/** A folder that kustomize can build, with what its kustomization.yaml refers to. */
export interface Kustomization {
  /** Relative to the root. */
  readonly folder: string;
  readonly value: Manifest;
}

export async function kustomizations(): Promise<readonly Kustomization[]> {
  const files = (await yamlFiles()).filter((file) => file.endsWith("/kustomization.yaml"));
  return Promise.all(
    files.map(async (file) => ({ folder: dirname(file), value: (await readDocuments(file))[0] as Manifest })),
  );
}

/** Files and folders that a kustomization names, relative to the root. */
export function referencesOf({ folder, value }: Kustomization): readonly string[] {
  const files = (value.configMapGenerator ?? []).flatMap(({ files = [] }: Manifest) =>
    files.map((file: string) => file.replace(/^[^=]*=/, "")),
  );
  const patches = (value.patches ?? []).flatMap(({ path }: Manifest) => path ?? []);
  return [
    ...(value.resources ?? []),
    ...(value.components ?? []),
    ...(value.configurations ?? []),
    ...files,
    ...patches,
  ].map((name: string) => relative(root, resolve(root, folder, name)));
}

/** Documents of all manifests, patches included, and no kustomizations. */
export async function manifests(): Promise<readonly Document[]> {
  const patches = new Set<string>();
  const others = new Set<string>();
  const documents: Document[] = [];
  for (const kustomization of await kustomizations()) {
    const { folder, value } = kustomization;
    for (const { path, patch } of value.patches ?? []) {
      if (path !== undefined) patches.add(relative(root, resolve(root, folder, path)));
      if (patch === undefined) continue;
      const [inline] = parseAllDocuments(patch, { version: "1.1" });
      documents.push({ file: `${folder}/kustomization.yaml`, value: inline?.toJS(), isPatch: true });
    }
    for (const reference of referencesOf(kustomization)) {
      if (!reference.endsWith(".yaml")) continue;
      const isResource = (value.resources ?? []).some((name: string) => reference.endsWith(`/${name}`));
      if (!isResource && !patches.has(reference)) others.add(reference);
    }
  }
  for (const file of await yamlFiles()) {
    if (file.endsWith("/kustomization.yaml") || file === "deploy/compose.yaml" || others.has(file)) continue;
    for (const value of await readDocuments(file)) documents.push({ file, value, isPatch: patches.has(file) });
  }
  return documents;
}

/** Resources and generated ConfigMaps of a kustomization and of all that it stands on. */
export async function closureOf(
  folder: string,
): Promise<{ readonly values: Manifest[]; readonly generated: Set<string> }> {
  const values: Manifest[] = [];
  const generated = new Set<string>();
  const visit = async (at: string) => {
    if (!existsSync(join(root, at, "kustomization.yaml"))) {
      values.push(...(await readDocuments(at)));
      return;
    }
    const [value] = await readDocuments(`${at}/kustomization.yaml`);
    for (const { name } of value.configMapGenerator ?? []) generated.add(name);
    for (const name of [...(value.resources ?? []), ...(value.components ?? [])]) {
      await visit(relative(root, resolve(root, at, name)));
    }
  };
  await visit(folder);
  return { values, generated };
}

/** The pod template of a workload; undefined for other kinds. */
export function podOf({ kind, spec }: Manifest): Manifest {
  if (kind === "CronJob") return spec.jobTemplate?.spec?.template;
  return ["Deployment", "StatefulSet", "Job", "DaemonSet"].includes(kind) ? spec?.template : undefined;
}
