import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { matrixRowsText } from "../text/generation-text.ts";
import { matricesText } from "../text/matrix-text.ts";

interface MatrixFlags extends ConnectionFlags {
  readonly intervals?: true;
  readonly json?: true;
}

export function matrixCommand(context: CliContext): Command {
  return withPeers(
    new Command("matrix")
      .summary("show the pipeline loss of every pair of snapshots")
      .description(
        "Shows, for each edge of the pipeline, the pipeline loss of every retained upstream snapshot (columns) with every retained downstream snapshot (rows), on held-out rows and with the current snapshots of all other components. Lower is better; * marks the pair in use. With audit.held_out in the pipeline file, a line below each matrix has the consistency gap of the snapshots in use. With --intervals, also shows the paired difference of every pair to the one in use, with intervals corrected for the number of pairs.",
      )
      .option("--intervals", "compare every pair with the one in use")
      .option(
        "--json",
        "print JSON: [{ upstream, downstream, upstreamSerials, downstreamSerials, cells, current, gap }]; with --intervals also { intervals }, and a comparison in each cell",
      ),
    "evaluator",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple matrix\n  uncouple matrix --intervals\n  uncouple matrix --json | jq '.[0].cells'\n",
    )
    .action(async (flags: MatrixFlags) => {
      const output = createOutput(context, flags.json === true);
      const intervals = flags.intervals === true;
      const { edges, rows } = await withConnections(context, flags, async (connections) => {
        const evaluator = await connections.evaluator();
        const found = await evaluator.matrix({ intervals });
        if (intervals && found.some((edge) => edge.intervals === undefined)) {
          throw new UncoupleError(
            "failed-precondition",
            "the evaluator runs an earlier version, which gives no intervals; upgrade it",
          );
        }
        return { edges: found, rows: output.json ? undefined : matrixRowsText((await evaluator.status()).heldOut) };
      });
      if (rows !== undefined) output.note(rows);
      output.result(edges, (style) => matricesText(edges, style));
    });
}
