import { Command } from "commander";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { WorkerStatus } from "../../rpc/services/coordinator-service.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** The workers of one trainer. */
interface TeamWorkers {
  readonly component: string;
  readonly workers: readonly WorkerStatus[];
  /** Units that wait for a worker. */
  readonly waiting: number;
}

export function workersCommand(context: CliContext): Command {
  return withPeers(
    new Command("workers")
      .summary("list the workers of the trainers")
      .description("Lists the workers that compute for each trainer, with what they have done and when they last beat.")
      .argument("[component]", "the component whose workers to list (default: all)")
      .option("--json", "print JSON: for each component its workers, and how many units wait for one"),
    "trainer",
  )
    .addHelpText("after", "\nExamples:\n  uncouple workers\n  uncouple workers m2 --json\n")
    .action(async (component: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const coordinators = await connections.coordinators();
        const names = [...coordinators.keys()];
        if (component !== undefined && !coordinators.has(component)) {
          throw new UncoupleError(
            "not-found",
            `no trainer found for component "${component}"; available: ${names.join(", ") || "none"}${didYouMean(component, names)}`,
          );
        }
        const asked = [...coordinators].filter(([name]) => component === undefined || name === component);
        const teams: TeamWorkers[] = [];
        let failure: UncoupleError | undefined;
        for (const [name, coordinator] of asked) {
          try {
            teams.push({ component: name, ...(await coordinator.listWorkers()) });
          } catch (thrown) {
            failure = asUncoupleError(thrown);
            if (asked.length > 1) output.note(plain(`could not list the workers of ${name}: ${failure.message}`));
          }
        }
        if (failure !== undefined && teams.length === 0) throw failure;
        output.result(teams, (style, width) => workersText(teams, style, width));
      });
    });
}

function workersText(teams: readonly TeamWorkers[], style: Style, width: number): string {
  const rows = teams.flatMap(({ component, workers }) => workers.map((worker) => rowOf(component, worker)));
  const waiting = teams
    .filter(({ waiting: units }) => units > 0)
    .map(({ component, waiting: units }) => `${component}: ${units} ${units === 1 ? "unit waits" : "units wait"}`);
  if (rows.length === 0) return ["no workers", ...waiting, ""].join("\n");
  const columns = [
    { title: "COMPONENT" },
    { title: "WORKER", wraps: true },
    { title: "HOST", wraps: true },
    { title: "PID", number: true },
    { title: "ENGINE" },
    { title: "CLASS" },
    { title: "UNITS", number: true },
    { title: "RUNNING", number: true },
    { title: "STEPS/S", number: true },
    { title: "LAG", number: true },
    { title: "BEAT", number: true },
    { title: "", wraps: true },
  ];
  return [formatTable(columns, rows, style, width), ...waiting.map((line) => `${line}\n`)].join("");
}

function rowOf(component: string, worker: WorkerStatus): readonly string[] {
  const seconds = (value: number | null) => (value === null ? "-" : `${value.toFixed(1)} s`);
  return [
    plain(component),
    plain(worker.name),
    plain(worker.host),
    String(worker.pid),
    plain(worker.engine),
    plain(worker.numerics),
    String(worker.unitsDone),
    String(worker.unitsRunning),
    worker.stepsPerSecond === null ? "-" : formatNumber(worker.stepsPerSecond),
    seconds(worker.lagSeconds),
    seconds(worker.beatSeconds),
    worker.quarantined ? "shut out: it returned a wrong result" : "",
  ];
}
