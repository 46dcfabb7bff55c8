import { parseArgs } from "node:util";
import { describeMachine, machineText } from "./machine.ts";
import { exchange, transfer } from "./workers/exchange.ts";
import { firstUnit, leasedAgain, sameDigests } from "./workers/failures.ts";
import type { Row } from "./workers/row.ts";
import { ensemble, remoteAgainstLocal, twoAgainstOne } from "./workers/speed.ts";
import { storm } from "./workers/storm.ts";

/**
 * The goals of training with workers, and what this machine reaches: a coordinator in this process, and processes of
 * `uncouple worker` of the build, over gRPC.
 *
 *     npm run bench:workers [-- --only faults,storm] [-- --minutes 10] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    minutes: { type: "string", default: "0.5" },
    json: { type: "boolean", default: false },
  },
});

const MEASURES: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  digests: sameDigests,
  faults: leasedAgain,
  start: firstUnit,
  remote: remoteAgainstLocal,
  two: twoAgainstOne,
  ensemble,
  exchange,
  transfer,
  storm: () => storm(Number(options.minutes)),
};

const only = options.only?.split(",") ?? Object.keys(MEASURES);
const machine = describeMachine();
if (!options.json) for (const line of machineText(machine)) console.log(line);
const rows: Row[] = [];
for (const name of only) {
  const measure = MEASURES[name];
  if (measure === undefined) throw new Error(`no measure ${name}; available: ${Object.keys(MEASURES).join(", ")}`);
  const measured = await measure();
  rows.push(...measured);
  if (options.json) continue;
  for (const { what, goal, measured: value, met, values } of measured) {
    const all = values.map((each) => each.toFixed(2)).join(" ");
    console.log(`${met ? "reached" : "missed "}  ${what.padEnd(68)}  ${goal.padEnd(10)}  ${value}  (${all})`);
  }
}
if (options.json) console.log(JSON.stringify({ machine, rows }));
process.exit(0);
