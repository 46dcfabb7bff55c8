import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { digestRuns } from "./digest-runs.ts";

/** Writes the digests of all runs on this machine, or of the quick ones only, into a JSON file, by name. */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean" } } });
const runs = digestRuns.filter(({ slow }) => values.quick !== true || !slow);
const engine = createWasmEngine({ clock: systemClock });
const digests: Record<string, string> = {};
for (const [index, run] of runs.entries()) {
  console.log(`${index + 1} of ${runs.length}: ${run.name}`);
  digests[run.name] = await run.digest(engine);
}
await writeFile(positionals[0] as string, `${JSON.stringify(digests, undefined, 2)}\n`);
