import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { SimulatedSize } from "./simulate-size.ts";

/**
 * Measures what a simulated organization costs by its number of components: the start of a seed, the processor time of an
 * update under `async` (training, verdict, deployment) early and late in a run, and the peak memory of the process. Each
 * size runs in a process of its own, layered, with the defaults of `uncouple simulate`.
 *
 *     npm run bench:simulate [-- --components 10,100,1000] [-- --updates 400] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    components: { type: "string", default: "10,30,100,300,1000" },
    /** How many updates a run has, about; the number of ticks follows. */
    updates: { type: "string", default: "400" },
    json: { type: "boolean", default: false },
  },
});

async function measure(components: number): Promise<SimulatedSize> {
  const args = [String(components), options.updates];
  const child: ChildProcess = fork(join(import.meta.dirname, "simulate-size.ts"), args, {
    execArgv: ["--import", "tsx"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as SimulatedSize));
    child.once("exit", (code) => reject(new Error(`the simulation of ${components} components exited with ${code}`)));
  });
}

const sizes: SimulatedSize[] = [];
for (const components of options.components.split(",").map(Number)) {
  const size = await measure(components);
  sizes.push(size);
  if (!options.json) {
    const quarters = size.millisecondsPerUpdate.map((value) => value.toFixed(1)).join(", ");
    console.log(
      `${components} components, ${size.ticks} ticks, ${size.updates} updates: start ${size.startSeconds.toFixed(1)} s, ` +
        `an update ${quarters} ms by quarter of the run, end ${size.endSeconds.toFixed(1)} s, ${size.peakMegabytes.toFixed(0)} MB`,
    );
  }
}
if (options.json) console.log(JSON.stringify(sizes, null, 2));
