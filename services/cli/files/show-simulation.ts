import { join } from "node:path";
import { writeWhole } from "../../common/files/write-whole.ts";
import { resultFiles } from "../../simulator/report/result-files.ts";
import { flipsText } from "../../simulator/report/sensitivity-section.ts";
import { outcomeJson, type SimulationOutcome } from "../../simulator/report/simulation-outcome.ts";
import type { Output } from "../terminal/output.ts";
import { wrap } from "../terminal/wrap.ts";
import { simulationText } from "../text/simulation-text.ts";

/** A simulation that is complete, and where its results go. */
export interface FinishedSimulation {
  readonly output: Output;
  /** Undefined: writes no files. */
  readonly folder: string | undefined;
  readonly outcome: SimulationOutcome;
  /** As `simulationReport`. */
  readonly versions: string;
}

/** Prints the results of a simulation and writes its files. @throws UncoupleError as `writeWhole` */
export async function showSimulation({ output, folder, outcome, versions }: FinishedSimulation): Promise<void> {
  const { results, sensitivity } = outcome;
  // Printed first, so that it is not lost if a file cannot be written.
  output.result(outcomeJson(outcome), (style, width) =>
    [
      simulationText(results, style, width),
      ...(sensitivity === undefined ? [] : wrap(flipsText(sensitivity), width)),
    ].join("\n"),
  );
  if (folder === undefined) return;
  for (const [name, text] of await resultFiles(outcome, versions)) {
    const path = join(folder, name);
    await writeWhole(path, path, text, true);
  }
  output.note(`Report: ${join(folder, "report.html")}`);
}
