import { resolve } from "node:path";
import { Command } from "commander";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import { absentKeys } from "../../pipeline/search.ts";
import { bestTrial, isActive, type Study } from "../../pipeline/study.ts";
import type { RemoteTrainer } from "../../rpc/client/trainer-client.ts";
import type { RemoteTuning } from "../../rpc/client/tuning-client.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { readTeamFile } from "../connect/team-file.ts";
import type { CliContext } from "../context/context.ts";
import { readIfThere } from "../files/write-all.ts";
import { integer } from "../flags/integer.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { createRunProgress } from "../terminal/progress.ts";
import { Finished } from "../terminal/report-error.ts";
import { createStudyProgress } from "../terminal/study-progress.ts";
import { runLine } from "../text/run-text.ts";
import { studyJson, studyText } from "../text/study-text.ts";

interface TuneFlags extends ConnectionFlags {
  readonly trials?: number;
  readonly parallel?: number;
  readonly study?: string;
  readonly team?: string;
  readonly stop?: true;
  readonly write?: string;
  readonly publish?: true;
  readonly json?: true;
}

export function tuneCommand(context: CliContext): Command {
  return withPeers(
    new Command("tune")
      .summary("search for the parameters of a component's training")
      .description(
        "Starts a study on the trainer of a component, which tries what the search in its team file says, and shows its progress until it is complete. Trials train on a part of the training rows and are measured on the rest; they never see held-out rows, and publish nothing. Attaches to the study in progress if there is one. Ctrl-C only detaches: the study continues, and the same command attaches to it again.",
      )
      .argument("<component>", "name of the component in the pipeline file")
      .option(
        "--trials <n>",
        "trials that the study is to have in all; more than it has extends it",
        integer(1, 10_000),
      )
      .option("--parallel <n>", "trials at a time (default: 1)", integer(1, 1_024))
      .option("--study <id>", "study to attach to, to extend, or to go on with after --stop (see `uncouple studies`)")
      .option("--team <file>", "team file with a search to use instead of the trainer's own")
      .option("--stop", "stop the study; its trials in progress can go on later")
      .option("--write <file>", "write the best parameters into this team file, which is created if it does not exist")
      .option("--publish", "train with the best parameters on all training rows, and publish the snapshot")
      .option("--json", "print JSON: the study, its best trial and all trials"),
    "trainer",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple tune m2 --trials 40 --parallel 2\n  uncouple tune m2 --trials 80 --write m2.yaml      # extends the study in progress, or starts one\n  uncouple tune m2 --study 20260131-093000-5f0c1e --publish\n",
    )
    .action(async (component: string, flags: TuneFlags) => {
      const output = createOutput(context, flags.json === true);
      const teamFile =
        flags.team === undefined ? undefined : await readTeamFile(flags.team, component, output, context);
      await withConnections(context, flags, async (connections) => {
        const tuning = await connections.tuning(component);
        const begun = await openStudy(tuning, component, teamFile, flags, output);
        const study = await follow(begun, tuning, context);
        if (isActive(study)) {
          output.note(
            `detached: study ${study.id} continues; attach with uncouple tune ${component}, stop it with uncouple tune ${component} --stop`,
          );
          throw new Finished(exitCodes.cancelled);
        }
        output.result(studyJson(study), (style, width) => studyText(study, style, width));
        if (study.state === "failed") {
          throw new UncoupleError(study.error?.code ?? "internal", `study ${study.id} failed: ${study.error?.message}`);
        }
        if (study.state === "complete" && study.trials.length > 0) bestOf(study);
        if (flags.write !== undefined) await write(study, flags.write, output, context);
        if (flags.publish === true) await publish(study, await connections.trainer(component), output, context);
      });
    });
}

/** Attaches to a study, which this may extend, resume or stop, or starts one. */
async function openStudy(
  tuning: RemoteTuning,
  component: string,
  teamFile: string | undefined,
  flags: TuneFlags,
  output: Output,
): Promise<Study> {
  const { trials, parallel } = flags;
  const known =
    flags.study === undefined ? (await tuning.listStudies()).find(isActive) : await tuning.getStudy(flags.study);
  if (flags.stop === true) {
    if (known === undefined) throw new UncoupleError("not-found", `${component} has no study in progress`);
    return tuning.stopStudy(known.id);
  }
  if (known === undefined) {
    if (trials === undefined) {
      throw new UncoupleError(
        "invalid-argument",
        `${component} has no study in progress; start one with --trials N, or name one with --study`,
      );
    }
    const begun = await tuning.startStudy({
      trials,
      ...(parallel !== undefined && { parallel }),
      ...(teamFile !== undefined && { teamFile }),
    });
    output.note(`started study ${begun.id}`);
    return begun;
  }
  if (teamFile !== undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `study ${known.id} has its own team file; stop it with --stop, then start another with --team`,
    );
  }
  output.note(`attached to study ${known.id}`);
  const grows = trials !== undefined && trials > known.wanted;
  const resumes = known.state === "stopped" || known.state === "failed";
  if (!grows && !resumes && parallel === undefined) return known;
  if (!grows && known.state === "complete") return known;
  return tuning.extendStudy({
    id: known.id,
    trials: trials ?? known.wanted,
    ...(parallel !== undefined && { parallel }),
  });
}

/** @returns the study as it was last seen: at its end, or when the command was interrupted */
async function follow(begun: Study, tuning: RemoteTuning, context: CliContext): Promise<Study> {
  if (!isActive(begun)) return begun;
  const progress = await createStudyProgress(context.stderr);
  let last = begun;
  try {
    for await (const now of tuning.watchStudy(begun.id, context.interrupted)) {
      last = now;
      progress.update(now);
    }
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    if (code !== "unavailable") throw thrown;
    throw goesOnLater(last, message, thrown);
  } finally {
    progress.stop();
  }
  if (!isActive(last) || context.interrupted.aborted) return last;
  throw goesOnLater(last, "the trainer closed the stream");
}

function goesOnLater({ id, component }: Study, message: string, cause?: unknown): UncoupleError {
  const hint = `once the trainer is back, attach again with uncouple tune ${component} --study ${id}`;
  return new UncoupleError("unavailable", `${message}; ${hint}`, { cause });
}

/** Writes the best parameters into a team file, which keeps everything else. */
async function write(study: Study, file: string, output: Output, context: CliContext): Promise<void> {
  const [{ protocolCatalog }, { editTeamFile }, { parseTeamFile }] = await Promise.all([
    import("../../learning/protocols/all.ts"),
    import("../../pipeline/files/edit-team-file.ts"),
    import("../../pipeline/files/team-file.ts"),
  ]);
  const best = bestOf(study);
  const path = resolve(context.cwd, file);
  const text = (await readIfThere(path)) ?? study.teamFile;
  const before = parseTeamFile(text, file, protocolCatalog);
  if ("problems" in before) throw problemsError(before.problems);
  if (before.team.component !== study.component) {
    throw new UncoupleError(
      "invalid-argument",
      `${file} is for component ${before.team.component}, not ${study.component}`,
    );
  }
  const searched = parseTeamFile(study.teamFile, "the study's team file", protocolCatalog);
  if ("problems" in searched) throw problemsError(searched.problems);
  // Where a stopped trial trained on, it got worse.
  const stop = best.state === "stopped" ? { stop_after: best.steps } : undefined;
  const edited = editTeamFile(text, { ...best.parameters, ...stop }, [
    ...absentKeys(searched.search?.parameters ?? [], best.parameters),
    ...(stop === undefined ? ["stop_after"] : []),
  ]);
  const after = parseTeamFile(edited, file, protocolCatalog);
  if ("problems" in after) throw problemsError(after.problems);
  await writeWhole(path, file, edited, true);
  output.note(`wrote the parameters of trial ${best.trial} to ${file}`);
}

/** Trains with the best parameters on all training rows, and waits for the snapshot. */
async function publish(study: Study, trainer: RemoteTrainer, output: Output, context: CliContext): Promise<void> {
  const { trial } = bestOf(study);
  let run: Run = await trainer.startRun({ tuning: { study: study.id, trial } });
  const progress = await createRunProgress(context.stderr);
  try {
    for await (const now of trainer.watchRun(run.id, context.interrupted)) {
      run = now;
      progress.update(now);
    }
  } finally {
    progress.stop();
  }
  if (!hasEnded(run)) {
    output.note(`detached: run ${run.id} continues; show it with uncouple runs ${run.id}`);
    throw new Finished(exitCodes.cancelled);
  }
  output.note(runLine(run, output.style));
  if (run.state === "cancelled") throw new Finished(exitCodes.cancelled);
  if (run.state === "failed") throw new Finished(exitCodes[run.error?.code ?? "internal"]);
}

/** @throws UncoupleError `failed-precondition` if there is none */
function bestOf(study: Study) {
  const best = bestTrial(study);
  if (best !== undefined) return best;
  const hint = `uncouple studies ${study.component} ${study.id} says why each trial failed`;
  throw new UncoupleError(
    "failed-precondition",
    `no trial of study ${study.id} was complete, so there is no best one; ${hint}`,
  );
}
