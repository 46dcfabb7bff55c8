import { Command, InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { RemoteTrainer } from "../../rpc/client/trainer-client.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { inSpan } from "../../runtime/tracing/tracer.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { readTeamFile } from "../connect/team-file.ts";
import { openTracer } from "../connect/tracing.ts";
import type { CliContext } from "../context/context.ts";
import { collectParameter, type Parameters, protocolOf } from "../flags/protocol-options.ts";
import { parseReferences } from "../flags/reference.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { createRunProgress } from "../terminal/progress.ts";
import { Finished } from "../terminal/report-error.ts";
import { plain } from "../terminal/style.ts";
import { runLine } from "../text/run-text.ts";

interface TrainFlags extends ConnectionFlags {
  readonly protocol?: string;
  readonly param?: Parameters;
  readonly team?: string;
  readonly upstream?: Composition;
  readonly follow?: true;
  readonly json?: true;
}

export function trainCommand(context: CliContext): Command {
  return withPeers(
    new Command("train")
      .summary("start a training run")
      .description(
        "Starts a run on the trainer of a component, which queues it, trains and publishes a snapshot. Returns at once with the ID of the run or, with --follow, when the run has ended. Ctrl-C while following only detaches: the run continues.",
      )
      .argument("<component>", "name of the component in the pipeline file")
      .option("--protocol <name>", "training protocol, overrides the team file (see `uncouple explain`)")
      .option("--param <name=value>", "parameter of that protocol, repeatable", collectParameter)
      .option("--team <file>", "team file to use instead of the trainer's own")
      .option(
        "--upstream <snapshots>",
        "snapshots of its upstream to train on, released or not, for example m1@2,m0@1; default: those in use",
        parseUpstream,
      )
      .option("-f, --follow", "show progress until the run ends; if it fails, exit with the code of its error")
      .option("--json", "print JSON: the run; with --follow, one line per change"),
    "trainer",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple train m2 --follow\n  uncouple train m2 --protocol proximal --param sigma=0.3\n  uncouple train m1 --team examples/paper/m1-consistent.yaml --follow\n  uncouple train m2 --upstream m1@2     # on a snapshot that is not released\n",
    )
    .action(async (component: string, flags: TrainFlags) => {
      const output = createOutput(context, flags.json === true);
      const protocol = protocolOf(flags.protocol, flags.param ?? {});
      const teamFile =
        flags.team === undefined ? undefined : await readTeamFile(flags.team, component, output, context);
      await withConnections(context, flags, async (connections) => {
        const trainer = await connections.trainer(component);
        const tracer = await openTracer(context, "cli", output.note);
        let run: Run;
        try {
          run = await inSpan(tracer, "uncouple train", { kind: "client" }, ({ traceparent }) =>
            trainer.startRun({
              ...(protocol !== undefined && { protocol }),
              ...(teamFile !== undefined && { teamFile }),
              ...(flags.upstream !== undefined && { upstream: flags.upstream }),
              ...(traceparent !== undefined && { traceparent }),
            }),
          );
        } finally {
          await tracer.close();
        }
        if (flags.follow === true) return follow(run, trainer, output, context);
        output.result(run, () => `run ${run.id} of ${run.component} is ${run.state}; see uncouple runs ${run.id}`);
      });
    });
}

/** Parses `--upstream m1@2,m0@1`. @throws InvalidArgumentError */
function parseUpstream(text: string): Composition {
  const upstream: Record<string, number> = {};
  for (const { component, serial } of parseReferences(text)) {
    if (Object.hasOwn(upstream, component)) throw new InvalidArgumentError(`${component} is given twice.`);
    upstream[component] = serial;
  }
  return upstream;
}

async function follow(run: Run, trainer: RemoteTrainer, output: Output, context: CliContext): Promise<void> {
  const progress = await createRunProgress(context.stderr);
  const json = output.json;
  let last = run;
  try {
    for await (const now of trainer.watchRun(run.id, context.interrupted)) {
      last = now;
      progress.update(now);
      if (json) output.item(now, () => "");
    }
  } finally {
    progress.stop();
  }
  for (const warning of last.warnings) output.note(`warning: ${plain(warning)}`);
  if (!hasEnded(last) && !context.interrupted.aborted) {
    throw new UncoupleError("unavailable", `the trainer closed the stream of run ${run.id} before the run ended`);
  }
  if (!hasEnded(last)) {
    output.note(
      `detached: run ${run.id} continues; show it with uncouple runs ${run.id}, stop it with uncouple cancel ${run.id}`,
    );
    throw new Finished(exitCodes.cancelled);
  }
  if (!json) output.result(last, (style) => runLine(last, style));
  if (last.state === "cancelled") throw new Finished(exitCodes.cancelled);
  if (last.state === "failed") throw new Finished(exitCodes[last.error?.code ?? "internal"]);
}
