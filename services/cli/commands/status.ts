import { Command } from "commander";
import { asUncoupleError } from "../../common/errors.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { readLedger } from "../../releases/read-ledger.ts";
import { releaseRules } from "../../releases/release-rules.ts";
import { releaseStatus } from "../../releases/release-status.ts";
import { sharedStatus } from "../../releases/shared-status.ts";
import type { EvaluatorStatus } from "../../rpc/services/evaluator-service.ts";
import type { TrainerStatus } from "../../rpc/services/trainer-service.ts";
import { type ConnectionFlags, type Connections, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";
import { type StatusReport, statusText } from "../text/status-text.ts";

export function statusCommand(context: CliContext): Command {
  return withPeers(
    new Command("status")
      .summary("show what is in use, what waits for the gate, and who serves it")
      .description(
        "Shows the release in use with its age and its author; for each component the snapshot in use, the newest one, and the candidates in between with the gate's decision and its reasons; components of other pipelines that lack what their owners use, and why; what followers serve; and the evaluator and the trainers, if they can be reached.",
      )
      .option("--json", "print JSON: { pipeline, gate, release, components, followers, evaluator, trainers }"),
    "registry",
    "evaluator",
    "trainer",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple status\n  uncouple status --json | jq '.components[].candidates[]'\n",
    )
    .action(async (flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place();
        const [report, evaluator, trainers] = await Promise.all([
          ofStore(pipeline, backplane, context),
          evaluatorStatus(connections, output),
          trainerStatuses(connections, output),
        ]);
        const status: StatusReport = { pipeline, ...report, evaluator, trainers };
        output.result(status, (style, width) => statusText(status, style, width, context.clock));
      });
    });
}

/** What the registry says. */
async function ofStore(
  pipeline: string,
  backplane: Backplane,
  { clock, interrupted }: CliContext,
): Promise<Pick<StatusReport, "gate" | "release" | "components" | "followers">> {
  const [{ withPipelineView }, { inUse, readInForce }] = await Promise.all([
    import("../../composition/pipeline-view.ts"),
    import("../../composition/in-use.ts"),
  ]);
  const { components, gate } = await releaseRules(backplane);
  return withPipelineView({ backplane, clock }, interrupted, async ({ catchUp, history }, signal) => {
    const inForce = await readInForce(backplane);
    const { state } = await readLedger(backplane.ledger);
    await catchUp(signal);
    const used = inUse({ components: components.map((name) => ({ name })), gate }, history, inForce);
    const judged = (await backplane.verdicts.list()).filter(({ component, serial }) =>
      history.usable(component).has(serial, Number.POSITIVE_INFINITY),
    );
    const statuses = releaseStatus({
      components,
      inUse: used,
      manifests: await backplane.registry.list(),
      verdicts: new Map(judged.map((verdict) => [snapshotName(verdict), verdict.kind as string])),
      state,
      shared: await sharedStatus(pipeline, backplane),
    });
    return {
      gate: gate?.mode ?? null,
      release: state.release() ?? null,
      components: statuses,
      followers: state.served(),
    };
  });
}

/** Codes of a peer that no flag, variable or stack file names. */
const NOT_NAMED = ["failed-precondition", "not-found"];

/** Null if it cannot be reached, with a note if a flag, variable or stack file names it. */
async function evaluatorStatus(connections: Connections, output: Output): Promise<EvaluatorStatus | null> {
  try {
    return await (await connections.evaluator()).status();
  } catch (thrown) {
    noteUnreachable("evaluator", thrown, output);
    return null;
  }
}

async function trainerStatuses(connections: Connections, output: Output): Promise<readonly TrainerStatus[]> {
  const reached: TrainerStatus[] = [];
  try {
    const trainers = await connections.trainers();
    await Promise.all(
      [...trainers].map(async ([component, trainer]) => {
        try {
          reached.push(await trainer.status());
        } catch (thrown) {
          noteUnreachable(`trainer of ${component}`, thrown, output);
        }
      }),
    );
  } catch (thrown) {
    noteUnreachable("trainers", thrown, output);
  }
  return reached.sort((a, b) => (a.component < b.component ? -1 : 1));
}

function noteUnreachable(what: string, thrown: unknown, output: Output): void {
  const { code, message } = asUncoupleError(thrown);
  if (!NOT_NAMED.includes(code)) output.note(plain(`no answer from the ${what}: ${message}`));
}
