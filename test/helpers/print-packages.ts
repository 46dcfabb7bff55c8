import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * A process of its own that imports modules, given by their paths, and prints the expensive packages that are loaded
 * after each, as a JSON list of lists. They cost a process at rest tens of MiB and a tenth of a second.
 */
const { cache } = createRequire(import.meta.url);
const loaded: string[][] = [];
for (const path of process.argv.slice(2)) {
  await import(pathToFileURL(path).href);
  const packages = Object.keys(cache).map((file) => /@tensorflow\/tfjs|onnxruntime|duckdb/.exec(file)?.[0] ?? "");
  loaded.push([...new Set(packages)].filter((name) => name !== "").sort());
}
console.log(JSON.stringify(loaded));
