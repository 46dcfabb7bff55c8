import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode, fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { BackupDocument } from "../../registry/jetstream/backup/backup-document.ts";
import type { TarFile } from "../../registry/jetstream/backup/tar.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { isThere } from "../files/write-all.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";
import { backupJson, backupText } from "../text/backup-text.ts";

interface BackupFlags extends ConnectionFlags {
  readonly state?: string;
  readonly force?: true;
  readonly json?: true;
}

export function backupCommand(context: CliContext): Command {
  return withPeers(
    new Command("backup")
      .summary("write a pipeline's store to a tar file")
      .description(
        "Writes everything that NATS keeps of a pipeline to a tar file: announcements, verdicts, quarantines, aliases, pipeline files, tombstones, and the models of all snapshots that were not deleted, each checked by its digest. Services may go on. With an account for each team, use the operator's key. The file appears when it is complete; `uncouple restore` reads it.",
      )
      .argument("<file>", "output file, for example demo.tar")
      .option("--state <folder>", "also the state of the trainers (their --state): runs and checkpoints")
      .option("--force", "overwrite an existing file")
      .option("--json", "print JSON: { file, pipeline, at, snapshots, models, bytes, verdicts, stateFiles, lost }"),
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple backup demo.tar --state .uncouple/state\n  uncouple backup ads.tar --nats nats://nats:4222 --pipeline ads --nats-nkey operator.nk\n",
    )
    .action(async (file: string, flags: BackupFlags) => {
      const { clock, cwd, interrupted: signal } = context;
      const output = createOutput(context, flags.json === true);
      const path = resolve(cwd, file);
      if (flags.force !== true && (await isThere(path))) {
        throw new UncoupleError("conflict", `${file} already exists; use --force to overwrite it`);
      }
      const { backUp } = await import("../../registry/jetstream/backup/back-up.ts");
      const progress = await createCountProgress(context.stderr, "models");
      const document = await withConnections(context, flags, async (connections) => {
        const access = await connections.access();
        return backUp(
          {
            ...access,
            clock,
            signal,
            name: "uncouple backup",
            codeVersion: packageInfo().version,
            log: (level, message) => level === "warn" && output.note(message),
            extras: stateFiles(flags.state, cwd, access.pipeline),
            progress: progress.update,
          },
          (tar) => writeWhole(path, file, tar, flags.force === true, 0o600),
        );
      }).finally(() => progress.stop());
      output.result({ file, ...backupJson(document) }, () => `wrote ${file}: ${backupText(document)}`);
      refuseLost(file, document);
    });
}

/** The state of all trainers in a folder, as `state/COMPONENT/FILE`. @throws UncoupleError `not-found` if it has none */
async function* stateFiles(folder: string | undefined, cwd: string, pipeline: string): AsyncGenerator<TarFile> {
  if (folder === undefined) return;
  const { readStateFiles } = await import("../../trainer/runs/state-files.ts");
  const path = resolve(cwd, folder, pipeline);
  const components = await readdir(path).catch((cause: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(cause) ?? "")) {
      throw new UncoupleError("not-found", `${folder} has no state of pipeline ${pipeline}`, { cause });
    }
    throw new UncoupleError(fileErrorCode(cause), `${folder} cannot be read: ${fileTrouble(cause)}`, { cause });
  });
  for (const component of components) {
    for await (const state of readStateFiles(join(path, component))) {
      yield { path: `state/${component}/${state.path}`, bytes: state.bytes };
    }
  }
}

/** A backup of a store that has lost something is written, but nobody should take it for a whole one. */
function refuseLost(file: string, { lost }: BackupDocument): void {
  const [first] = lost;
  if (first === undefined) return;
  const others = lost.length === 1 ? "" : `, and ${lost.length - 1} others`;
  throw new UncoupleError("data-loss", `${file} lacks models that the store has lost: ${first.reason}${others}`);
}
