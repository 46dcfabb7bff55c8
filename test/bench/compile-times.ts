import { once } from "node:events";
import { startProcess } from "../../services/common/processes/entry-point.ts";
import { median } from "./median.ts";

/** Durations of compiling 8-64-1, batch 64, in milliseconds. */
export interface CompileTime {
  readonly engine: string;
  /** The first time in a fresh process, without loading the code. */
  readonly coldMillis: number;
  /** Later in the same process. */
  readonly cachedMillis: number;
}

const PROCESSES = 3;

/** Measures several fresh processes, one after another. */
export async function compileTime(engine: string): Promise<CompileTime> {
  const runs: number[][] = [];
  for (let run = 0; run < PROCESSES; run++) {
    const child = startProcess({ module: "./compile-once", from: import.meta.url }, { args: [engine] });
    process.once("exit", () => child.kill("SIGKILL"));
    const [durations] = await once(child, "message");
    runs.push(durations as number[]);
  }
  return {
    engine,
    coldMillis: median(runs.map(([first]) => first as number)),
    cachedMillis: median(runs.flatMap(([, ...later]) => later)),
  };
}
