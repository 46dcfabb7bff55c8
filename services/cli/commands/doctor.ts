import { Command } from "commander";
import type { EngineProbe } from "../../engine/interface/engine.ts";
import type { TypicalChoice } from "../../engine/typical-choices.ts";
import { type CliContext, setting } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { type NatsFlags, withNatsFlags } from "../flags/nats-flags.ts";
import { type Durability, durabilityOfOwn, durabilityOfRunning } from "../stack/durability.ts";
import { findNatsServer } from "../stack/find-nats-server.ts";
import { measureStores, type StoreReport } from "../stack/store-report.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

interface DoctorFlags extends NatsFlags {
  readonly json?: true;
  readonly nats?: string;
  readonly natsMonitor?: string;
  readonly pipeline?: string;
}

export function doctorCommand(context: CliContext): Command {
  return withNatsFlags(
    new Command("doctor")
      .summary("check what works on this machine")
      .description(
        "Tries every training engine and reports which ones work, how fast they are (the paper's M2, 8-64-1, batches of 64, for about a second each), and why the others do not. Shows which engine `auto` takes for typical sizes and why. Also looks for nats-server, and tells whether it keeps what it acknowledged through a power cut and how full its stores are.",
      )
      .option("--nats <url>", "also check this running NATS server (NATS_URL)")
      .option("--nats-monitor <url>", "its monitoring address, http://host:8222 (NATS_MONITOR_URL)")
      .option("--pipeline <name>", "also measure the model store of this pipeline there (UNCOUPLE_PIPELINE)"),
  )
    .option(
      "--json",
      "print JSON: { engines: [{ choice, available, detail, microsPerStep }], auto: [{ model, batch, engine, reason, detail }], natsServer, durability: [{ server, version, syncsFirst, detail }], stores: [{ store, used, limit, fillsUp, detail }] }",
    )
    .addHelpText("after", "\nExample:\n  uncouple doctor\n")
    .action(async (options: DoctorFlags) => {
      const output = createOutput(context, options.json === true);
      if (context.stderr.isTTY === true) output.note("timing each engine for about a second ...");
      const [{ probeEngines }, { createEngine }, { typicalChoices }] = await Promise.all([
        import("../../engine/probe-engines.ts"),
        import("../../engine/create-engine.ts"),
        import("../../engine/typical-choices.ts"),
      ]);
      const engines = await interruptible(context, probeEngines(context.clock));
      const auto = await typicalChoices(await createEngine("auto", { clock: context.clock, log: () => {} }));
      const natsServer = (await findNatsServer(context.env.PATH)) ?? null;
      const durability = await interruptible(context, durabilityOf(natsServer, options, context));
      const stores = await interruptible(context, measureStores(options, context));
      output.result({ engines, auto, natsServer, durability, stores }, (style) => {
        const width = Math.min(context.stdout.columns ?? 100, 100);
        return [doctorText(engines, auto, durability, style, width), ...storeLines(stores, style, width)].join("\n");
      });
    });
}

/** Of the server that `uncouple up` would start, and of the running one. */
async function durabilityOf(
  natsServer: string | null,
  flags: DoctorFlags,
  { env, clock }: CliContext,
): Promise<Durability[]> {
  const url = flags.nats ?? setting(env, "NATS_URL");
  const monitor = flags.natsMonitor ?? setting(env, "NATS_MONITOR_URL");
  const running = url === undefined ? [] : parseNatsAddress(url).url.split(",");
  return [
    ...(natsServer === null ? [] : [await durabilityOfOwn(natsServer)]),
    ...(await Promise.all(running.map((one) => durabilityOfRunning(one, monitor, clock)))),
  ];
}

function storeLines(stores: readonly StoreReport[], style: Style, width: number): readonly string[] {
  return stores.flatMap(({ store, fillsUp, detail }) => [
    `${style.bold(plain(store))}; room: ${fillsUp === null ? style.yellow("unknown") : fillsUp ? style.red("fills up") : style.green("yes")}`,
    ...wrap(plain(detail), width - 2).map((line) => `  ${line}`),
  ]);
}

function doctorText(
  engines: readonly EngineProbe[],
  auto: readonly TypicalChoice[],
  durability: readonly Durability[],
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
  const servers = durability.flatMap(({ server, version, syncsFirst, detail }) => {
    const verdict = syncsFirst === null ? style.yellow("unknown") : syncsFirst ? style.green("yes") : style.red("no");
    return [
      `${style.bold(`nats-server ${version ?? "of unknown version"}`)} at ${server}; durable: ${verdict}`,
      ...wrap(plain(detail), width - 2).map((line) => `  ${line}`),
    ];
  });
  if (durability.length === 0)
    servers.push(`nats-server: ${style.red("not found")}; \`uncouple up\` tells how to get it`);
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
    "",
    ...servers,
  ].join("\n");
}
