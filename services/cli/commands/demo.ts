import { relative, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { Quarantine } from "../../pipeline/verdict.ts";
import { formatSeconds } from "../../report/numbers.ts";
import { type CliContext, setting, wantsColor } from "../context/context.ts";
import { demoText } from "../demo/demo-text.ts";
import { releaseLine } from "../demo/gated-text.ts";
import type { Platform } from "../demo/platform.ts";
import { faultText, stormText } from "../demo/storm-text.ts";
import { parseCount } from "../flags/reference.ts";
import { thisMachine } from "../stack/find-nats-server.ts";
import { installNatsServer } from "../stack/install-nats-server.ts";
import { chooseNats, type NatsFound } from "../stack/nats.ts";
import { createOutput } from "../terminal/output.ts";
import { createRunProgress, noProgress } from "../terminal/progress.ts";
import { createStyle, plain } from "../terminal/style.ts";
import { decisionLines } from "../text/decision-text.ts";
import { runLine } from "../text/run-text.ts";
import { quarantineLine, verdictLines } from "../text/verdict-text.ts";

interface DemoFlags {
  readonly out: string;
  readonly seed?: number;
  readonly memory?: true;
  readonly install?: boolean;
  readonly storm?: true;
  readonly workers?: number;
  readonly json?: true;
}

export function demoCommand(context: CliContext): Command {
  return new Command("demo")
    .summary("run the paper's example and write a report")
    .description(
      "Two teams train the components of the paper's pipeline in separate processes, over a private NATS server, while an evaluator judges every update. Then they do it again under a gate, which decides what is released, and asks a team to retrain where that helps. Takes less than a minute and writes a report (HTML, with plots) and results.json. If nats-server is not available, runs the same services in this process and says so. With --storm, it trains M1 with workers that are killed and stopped at random, and shows that the snapshots have the same bits as without.",
    )
    .option("--out <folder>", "folder for the report and the results", "out/demo")
    .option(
      "--seed <number>",
      "seed of the data, that is, of its random networks and rows (default: the example's)",
      parseSeed,
    )
    .option("--storm", "shoot at workers instead of telling the paper's story")
    .option("--workers <n>", "workers in the storm (default: 3)", parseCount)
    .option("--memory", "run everything in this process, without NATS")
    .option("--install", "install a missing nats-server on Debian and Ubuntu, as root (`npm start` does)")
    .option("--no-install", "never install anything (default)")
    .option("--json", "print JSON: the contents of results.json, or the storm's results")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple demo\n  uncouple demo --seed 11\n  uncouple demo --workers 3 --storm\n",
    )
    .action(async (flags: DemoFlags) => {
      if (flags.workers !== undefined && flags.storm !== true) {
        throw new UncoupleError("invalid-argument", "--workers requires --storm");
      }
      const output = createOutput(context, flags.json === true);
      const { env, clock, stdout, stderr } = context;
      const style = createStyle(wantsColor(stdout, env) && flags.json !== true);
      // Bars need both streams on the terminal; otherwise only lines are printed.
      const bars = stdout.isTTY === true && stderr.isTTY === true && flags.json !== true;
      const progress = bars ? await createRunProgress(stderr) : noProgress;
      const print = (...lines: readonly string[]) => {
        if (flags.json !== true) progress.aside(() => void stdout.write(`${lines.join("\n")}\n`));
      };
      const onEvent = (line: string) => progress.aside(() => output.note(line));
      const nats = flags.memory === true ? undefined : await demoNats(context, flags, onEvent);
      print(
        style.bold(
          "Uncouple demo: M1 predicts z from x1, M2 predicts y from x2 and M1's prediction of z (Modi et al. 2023)",
        ),
        "starting the services ...",
      );
      const ended = new Set<string>();
      const showRun = (run: Run) => {
        progress.update(run);
        if (!hasEnded(run) || ended.has(run.id)) return;
        ended.add(run.id);
        print(
          `  ${runLine(run, style)}`,
          ...run.warnings.map((warning) => `  ${style.yellow("warning")}: ${plain(warning)}`),
        );
      };
      const chapter = (title: string) => print("", style.cyan(title));
      const common = {
        out: resolve(context.cwd, flags.out),
        nats,
        env,
        clock,
        signal: context.interrupted,
        onEvent,
        onReady: (platform: Platform, seconds: number) =>
          print(`${platform.description}; ready after ${formatSeconds(seconds)}`),
      };
      try {
        if (flags.storm === true) {
          const { runStorm } = await import("../demo/storm.ts");
          const results = await runStorm({
            ...common,
            workers: flags.workers ?? 3,
            seed: flags.seed ?? 1,
            listener: { chapter, run: showRun, fault: (event) => print(`  ${faultText(event)}`) },
          });
          progress.stop();
          output.result(results, (_, width) => `\n${stormText(results, style, width)}`);
          if (results.outcomes.some(({ equal }) => !equal)) {
            throw new UncoupleError("data-loss", "the storm changed the bits of a snapshot");
          }
          return;
        }
        const { runDemo } = await import("../demo/run-demo.ts");
        const story = {
          chapter,
          run: showRun,
          quarantine: (quarantine: Quarantine) => print(`  ${quarantineLine(quarantine, style)}`),
        };
        const width = output.width - 2;
        const { results, reportFile } = await runDemo({
          ...common,
          ...(flags.seed !== undefined && { seed: flags.seed }),
          listener: {
            ...story,
            verdict: (verdict) => print(...verdictLines(verdict, style).map((line) => `  ${line}`)),
          },
          gateListener: {
            ...story,
            // The gate's decisions say the rest.
            verdict: (verdict) =>
              print(
                ...verdictLines(verdict, style)
                  .slice(0, 1)
                  .map((line) => `  ${line}`),
              ),
            decision: (decision, releases) =>
              print(...decisionLines(decision, releases, style, width, clock).map((line) => `  ${line}`)),
            release: (release, before) => print(`  ${releaseLine(release, before, style)}`),
            request: ({ why, attempt }) => print(`  the gate asks for a training: ${plain(why)}, attempt ${attempt}`),
          },
        });
        progress.stop();
        const shown = relative(context.cwd, reportFile);
        const name = shown.startsWith("..") ? reportFile : shown;
        output.result(results, (_, width) => `\n${demoText(results, name, style, width)}`);
      } finally {
        progress.stop();
      }
    });
}

/** The server of the demo; undefined if there is none, which it says. */
async function demoNats(
  { env, clock }: CliContext,
  { install = false }: DemoFlags,
  onEvent: (line: string) => void,
): Promise<NatsFound | undefined> {
  let nats = await chooseNats({ url: setting(env, "NATS_URL"), preferOwn: true, env });
  if ("missing" in nats && install) {
    nats = await installNatsServer({ machine: await thisMachine(process), env, clock, log: onEvent });
  }
  if (!("missing" in nats)) return nats;
  onEvent(`nats-server not found: ${nats.missing}`);
  onEvent("without it, all services run in this process, and the registry is in memory");
  return undefined;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError("A seed must be a non-negative integer.");
  return seed;
}
