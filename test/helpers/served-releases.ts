import { createHash } from "node:crypto";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import type { ReleaseFile } from "../../services/serving/release-files.ts";
import { draft, release } from "./drafts.ts";
import { colorContracts, colorShape, networkBytes } from "./served-models.ts";

/** The content of the pipeline file of `colorShape`. */
export const colorContent = {
  name: colorShape.name,
  components: Object.fromEntries(
    colorShape.components.map(({ name, upstream, output }) => [name, { upstream, output: { name: output } }]),
  ),
};

const compiled = new Map<string, Uint8Array>();

/** Publishes the next snapshot of a component of `colorShape`. */
export async function publishColor({ registry }: Pick<Backplane, "registry">, component: string, seed: number) {
  const contract = colorContracts[component];
  if (contract === undefined) throw new Error(`no component ${component}`);
  const key = `${component} ${seed}`;
  const bytes = compiled.get(key) ?? networkBytes(contract, seed);
  compiled.set(key, bytes);
  return registry.publish(draft({ pipeline: colorShape.name, component, contract }), bytes, "any");
}

/** Appends the next release. */
export async function releaseColors({ ledger }: Pick<Backplane, "ledger">, composition: Composition): Promise<number> {
  const number = ((await ledger.release())?.value.number ?? 0) + 1;
  const made = release(number, { pipeline: colorShape.name, composition });
  if ((await ledger.append(made)) === undefined) throw new Error(`release ${number} was not the next`);
  return number;
}

/**
 * What a reader that resolves the link once sees: one whole release.
 * @returns undefined if there is no link yet
 * @throws Error if it sees anything else
 */
export async function readCurrent(dir: string): Promise<ReleaseFile | undefined> {
  const target = await readlink(join(dir, "current")).catch(() => undefined);
  if (target === undefined) return undefined;
  const folder = join(dir, target);
  const listed = JSON.parse(await readFile(join(folder, "release.json"), "utf8")) as ReleaseFile;
  if (String(listed.number) !== basename(target)) throw new Error(`${target} has release ${listed.number}`);
  for (const [name, { size, sha256 }] of Object.entries(listed.files)) {
    const bytes = await readFile(join(folder, name));
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (bytes.length !== size || digest !== sha256) throw new Error(`${target}/${name} does not match its digest`);
  }
  for (const [component, serial] of Object.entries(listed.composition)) {
    const manifest = JSON.parse(await readFile(join(folder, `manifests/${component}.json`), "utf8"));
    const model = listed.files[`models/${component}.onnx`];
    if (manifest.serial !== serial || manifest.digest !== model?.sha256) throw new Error(`${target}: ${component}`);
  }
  return listed;
}

/** Paths of all files and empty folders below a folder, sorted. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true });
  const kept: string[] = [];
  for (const name of all.sort()) {
    const isFolder = (await stat(join(folder, name))).isDirectory();
    if (!isFolder) kept.push(name);
    else if (!all.some((other) => other.startsWith(`${name}/`))) kept.push(`${name}/`);
  }
  return kept;
}
