import { readdir, readFile } from "node:fs/promises";
import { dirname, join, posix, relative } from "node:path";
import { findCycles } from "./cycles.ts";
import { readModule } from "./read-module.ts";
import { BANS, RESTRICTIONS, ROOMS } from "./rules.ts";

/**
 * Holds the sources under `root`/services against the rules of the house: which room may import which, who may use which
 * package, who touches the process and the time, and that neither files nor folders depend on each other in a circle.
 *
 * @returns one line a violation: `services/a/b.ts:3: ...`, sorted; for a circle the line names everything in it
 */
export async function checkHouse(root: string): Promise<readonly string[]> {
  const violations: string[] = [];
  const files = await sourceFiles(root);
  const known = new Set(files);
  const byFile = new Map<string, Set<string>>();
  const byFolder = new Map<string, Set<string>>();
  for (const file of files) {
    const module = readModule(file, await readFile(join(root, file), "utf8"));
    const inside = file.slice("services/".length);
    const report = (line: number, message: string) => violations.push(`${file}:${line}: ${message}`);
    const allows = (allowed: readonly string[]) =>
      allowed.some((place) => (place.endsWith("/") ? inside.startsWith(place) : `/${inside}`.endsWith(place)));

    for (const { name, line } of module.imports) {
      const target = name.startsWith(".") ? posix.normalize(posix.join(posix.dirname(file), name)) : undefined;
      const resolved = target === undefined ? name : `/${target}`;
      for (const { modules, allowed, reason } of RESTRICTIONS) {
        if (modules.test(resolved) && !allows(allowed)) report(line, `imports ${name}: ${reason}`);
      }
      if (target === undefined) continue;
      if (target.startsWith("test/")) report(line, `imports ${name}: services/ never imports from test/`);
      if (!target.startsWith("services/")) continue;
      const [from, to] = [inside.split("/")[0] as string, target.split("/")[1] as string];
      if (from !== to && ROOMS[from]?.includes(to) !== true) {
        const may = ROOMS[from]?.join(", ") || "nothing else";
        report(line, `imports ${name}: services/${from} may import ${may} under services/`);
      }
      if (!known.has(target)) continue;
      add(byFile, file, target);
      if (dirname(file) !== dirname(target)) add(byFolder, dirname(file), dirname(target));
    }
    for (const { name, line } of module.names) {
      for (const { names, allowed, reason } of BANS) {
        if (names.includes(name) && !allows(allowed)) report(line, `uses ${name}: ${reason}`);
      }
    }
  }
  for (const cycle of findCycles(byFile)) violations.push(`files depend on each other: ${cycle.join(", ")}`);
  for (const cycle of findCycles(byFolder)) violations.push(`folders depend on each other: ${cycle.join(", ")}`);
  return violations.sort();
}

function add(edges: Map<string, Set<string>>, from: string, to: string): void {
  edges.set(from, (edges.get(from) ?? new Set()).add(to));
}

/** TypeScript files under services/, without generated ones, as paths from `root` with forward slashes. */
async function sourceFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, "services"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((file) => !file.includes("/gen/"))
    .sort();
}
