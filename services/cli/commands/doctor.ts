import { Command } from "commander";
import type { EngineProbe } from "../../engine/interface/engine.ts";
import type { TypicalChoice } from "../../engine/typical-choices.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { withEvaluatorFlag, withTlsFlags, withTrainerFlag } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { checkServers } from "../doctor/check-servers.ts";
import { checksText } from "../doctor/checks-text.ts";
import type { ExamineFlags } from "../doctor/examine.ts";
import { addRole } from "../doctor/roles.ts";
import { withDataFlags } from "../flags/data-flags.ts";
import { withNatsFlags } from "../flags/nats-flags.ts";
import { durabilityOfOwn } from "../stack/durability.ts";
import { findNatsServer } from "../stack/find-nats-server.ts";
import { createOutput } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

interface DoctorFlags extends ExamineFlags {
  readonly json?: true;
}

export function doctorCommand(context: CliContext): Command {
  const command = new Command("doctor")
    .summary("check this machine, a NATS server and services")
    .description(
      "Tries every training engine and reports which ones work, how fast they are (the paper's M2, 8-64-1, batches of 64, for about a second each), and why the others do not. Shows which engine `auto` takes for typical sizes and why. With --nats and --pipeline, checks what the key may do, the pipeline's streams, their copies in a cluster, room on disk, whether a power cut loses what was acknowledged, clocks, certificates and versions; with --trainer and --evaluator, these services. With --pipeline-file and --as, tries which rows and columns can be read with the credentials of this environment: fails if a trainer's can read held-out rows. Each check is ok, a warning, a failure or unknown, and says what to do. Nothing is changed.",
    )
    .option("--nats <url>", "check this running NATS server (NATS_URL)")
    .option("--pipeline <name>", "and this pipeline there (UNCOUPLE_PIPELINE)")
    .option(
      "--as <role>",
      "the role that the key is for: operator, evaluator, trainer:COMPONENT or follower:NAME, repeatable (default: any but a follower's)",
      addRole,
    )
    .option("--nats-monitor <url>", "the server's monitoring address, http://host:8222 (NATS_MONITOR_URL)");
  command.option(
    "--pipeline-file <file>",
    "try what the role of --as can read of this pipeline's data, with the credentials of this environment",
  );
  withDataFlags(command);
  withNatsFlags(command);
  withTrainerFlag(command, "also check this trainer, repeatable");
  withEvaluatorFlag(command, "also check this evaluator");
  withTlsFlags(command);
  return command
    .option(
      "--json",
      "print JSON: { engines: [{ choice, available, detail, microsPerStep }], auto: [{ model, batch, engine, reason, detail }], natsServer, durability: [{ server, version, syncsFirst, detail }], stores: [{ store, used, limit, fillsUp, detail, advice }], rights: [{ role, complete, missing }], checks: [{ section, name, status, detail, advice }] }",
    )
    .addHelpText(
      "after",
      `
Examples:
  uncouple doctor
  uncouple doctor --nats nats://nats:4222 --nats-nkey keys/m1.nk --pipeline ads --as trainer:m1
  uncouple doctor --pipeline-file ads.yaml --as trainer:m2
  uncouple doctor --nats nats://nats:4222 --pipeline ads --trainer m1:50051 --evaluator eval:50051 --json

Exits with ${exitCodes["failed-precondition"]} if a check fails.
`,
    )
    .action(async (flags: DoctorFlags) => {
      const output = createOutput(context, flags.json === true);
      const [{ probeEngines }, { createEngine }, { typicalChoices }, { examine }] = await Promise.all([
        import("../../engine/probe-engines.ts"),
        import("../../engine/create-engine.ts"),
        import("../../engine/typical-choices.ts"),
        import("../doctor/examine.ts"),
      ]);
      // First, because it finds wrong flags and files.
      const { checks: found, durability: running, ...rest } = await interruptible(context, examine(flags, context));
      if (context.stderr.isTTY === true) output.note("timing each engine for about a second ...");
      const engines = await interruptible(context, probeEngines(context.clock));
      const auto = await typicalChoices(await createEngine("auto", { clock: context.clock, log: () => {} }));
      const natsServer = (await findNatsServer(context.env.PATH)) ?? null;
      const own = natsServer === null ? [] : [await durabilityOfOwn(natsServer)];
      // What `uncouple up` would start says nothing about a server that runs.
      const checks = running.length > 0 ? found : [...checkServers(own), ...found];
      const result = { engines, auto, natsServer, durability: [...own, ...running], ...rest, checks };
      output.result(result, (style) => {
        const width = Math.min(context.stdout.columns ?? 100, 100);
        const without = natsServer === null && running.length === 0;
        return [
          enginesText(engines, auto, style, width),
          "",
          ...(without ? [`nats-server: ${style.red("not found")}; \`uncouple up\` tells how to get it`] : []),
          ...(checks.length === 0 ? [] : [checksText(checks, style, width)]),
        ].join("\n");
      });
      if (checks.some(({ status }) => status === "failure")) throw new Finished(exitCodes["failed-precondition"]);
    });
}

function enginesText(
  engines: readonly EngineProbe[],
  auto: readonly TypicalChoice[],
  style: Style,
  width: number,
): string {
  const rows = engines.map(({ choice, available, microsPerStep }) => [
    choice,
    available ? style.green("works") : style.red("unavailable"),
    microsPerStep === undefined ? "-" : microsPerStep.toFixed(0),
    microsPerStep === undefined ? "-" : (1e6 / microsPerStep).toFixed(0),
  ]);
  const columns = [
    { title: "ENGINE" },
    { title: "STATUS" },
    { title: "US/STEP", number: true },
    { title: "STEPS/S", number: true },
  ];
  return [
    formatTable(columns, rows, style),
    ...engines.flatMap(({ choice, detail }) => [
      style.bold(choice),
      ...wrap(plain(detail), width - 2).map((line) => `  ${line}`),
    ]),
    "",
    formatTable(
      [{ title: "MODEL" }, { title: "BATCH", number: true }, { title: "AUTO TAKES" }, { title: "WHY", wraps: true }],
      auto.map(({ model, batch, engine, detail }) => [model, `${batch}`, engine, detail]),
      style,
      width,
    ),
  ].join("\n");
}
