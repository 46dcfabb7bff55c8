import { appendFile, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createEngine } from "../../services/engine/create-engine.ts";
import { installOptuna } from "../helpers/optuna.ts";
import { comparisonOf, comparisonPlot, comparisonText, type Outcome } from "./tuning/comparison.ts";
import { CONTESTANTS } from "./tuning/contestants.ts";
import { startOptuna } from "./tuning/optuna.ts";
import { openProblem, PROBLEMS } from "./tuning/problem.ts";

/**
 * Compares the samplers and pruners of `uncouple tune` with Optuna's samplers on public tables, with equal numbers of
 * trials and steps:
 *
 *     npm run bench:tuning [-- --seeds 10 --trials 20 --json --plot FILE.svg --outcomes FILE.jsonl]
 *
 * The same seeds give the same losses, bit for bit. With --outcomes, an interrupted run goes on where it was. Installs Optuna with pip, once, into the cache folder.
 */
const { values: options } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    trials: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
    plot: { type: "string" },
    outcomes: { type: "string" },
  },
});
const trials = Number(options.trials);

await installOptuna(console.error);
const engine = await createEngine("wasm", { clock: systemClock, log: () => {} });
const optuna = startOptuna();
const outcomes: Outcome[] = await storedOutcomes();
try {
  for (const name of Object.keys(PROBLEMS)) {
    for (let seed = 1; seed <= Number(options.seeds); seed++) {
      const isKnown = (contestant: string) =>
        outcomes.some((one) => one.problem === name && one.seed === seed && one.contestant === contestant);
      const left = Object.entries(CONTESTANTS).filter(([contestant]) => !isKnown(contestant));
      if (left.length === 0) continue;
      const problem = await openProblem(name, seed, engine);
      for (const [contestant, search] of left) {
        const outcome = { problem: name, seed, contestant, ...(await search(problem, seed, trials, optuna)) };
        outcomes.push(outcome);
        if (options.outcomes !== undefined) await appendFile(options.outcomes, `${JSON.stringify(outcome)}\n`);
      }
      console.error(`${name}, seed ${seed}`);
    }
  }
} finally {
  optuna.close();
}
const comparison = comparisonOf(outcomes);
console.log(options.json ? JSON.stringify({ trials, comparison, outcomes }) : comparisonText(comparison));
if (options.plot !== undefined) await writeFile(options.plot, await comparisonPlot(comparison));

/** What an earlier run with the same options has found. */
async function storedOutcomes(): Promise<Outcome[]> {
  if (options.outcomes === undefined) return [];
  const text = await readFile(options.outcomes, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Outcome]));
}
