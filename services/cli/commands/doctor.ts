import { Command } from "commander";
import type { EngineProbe } from "../../engine/interface/engine.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { findNatsServer } from "../stack/find-nats-server.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

export function doctorCommand(context: CliContext): Command {
  return new Command("doctor")
    .summary("check what works on this machine")
    .description(
      "Tries every training engine and reports which ones work, how fast they are (the paper's M2, 8-64-1, batches of 64, for about a second each), and why the others do not. Also looks for nats-server.",
    )
    .option("--json", "print JSON: { engines: [{ choice, available, detail, microsPerStep }], natsServer }")
    .addHelpText("after", "\nExample:\n  uncouple doctor\n")
    .action(async (options: { json?: true }) => {
      const output = createOutput(context, options.json === true);
      if (context.stderr.isTTY === true) output.note("timing each engine for about a second ...");
      const { probeEngines } = await import("../../engine/probe-engines.ts");
      const engines = await interruptible(context, probeEngines(context.clock));
      const natsServer = (await findNatsServer(context.env.PATH)) ?? null;
      output.result({ engines, natsServer }, (style) =>
        doctorText(engines, natsServer, style, Math.min(context.stdout.columns ?? 100, 100)),
      );
    });
}

function doctorText(engines: readonly EngineProbe[], natsServer: string | null, style: Style, width: number): string {
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
  const nats =
    natsServer === null
      ? `nats-server: ${style.red("not found")}; \`uncouple up\` tells how to get it`
      : `nats-server: ${style.green("found")} at ${natsServer}`;
  return [
    formatTable(columns, rows, style),
    ...engines.flatMap(({ choice, detail }) => [
      style.bold(choice),
      ...wrap(plain(detail), width - 2).map((line) => `  ${line}`),
    ]),
    "",
    nats,
  ].join("\n");
}
