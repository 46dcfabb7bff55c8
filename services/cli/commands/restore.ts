import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { type FolderLock, lockFolder, processTableOf } from "../../common/files/folder-lock.ts";
import type { BackupDocument } from "../../registry/jetstream/backup/backup-document.ts";
import type { TarFile } from "../../registry/jetstream/backup/tar.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { type StoreFlags, withStreamFlags } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";
import { backupJson, backupText } from "../text/backup-text.ts";

interface RestoreFlags extends ConnectionFlags, Omit<StoreFlags, "maxModelBytes"> {
  readonly state?: string;
  readonly force?: true;
  readonly json?: true;
}

export function restoreCommand(context: CliContext): Command {
  return withStreamFlags(
    withPeers(
      new Command("restore")
        .summary("make a pipeline's store what it was in a backup")
        .description(
          "Checks a file that `uncouple backup` wrote, then makes the store of its pipeline what it was: every entry of every log at its position, every model, and what evaluators had judged. Services cannot use the store until it is complete: they wait, or end with code 9 if they knew the one before. With an account for each team, use the key of the user restorer. If it is interrupted, run it again.",
        )
        .argument("<file>", "the backup")
        .option("--state <folder>", "also restore the state of the trainers into this folder (their --state)")
        .option("--force", "replace a store that has snapshots, and the state of trainers")
        .option("--json", "print JSON: { file, pipeline, at, snapshots, models, bytes, verdicts, stateFiles, lost }"),
      "store",
    ),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple restore demo.tar --state .uncouple/state\n  uncouple restore ads.tar --nats nats://nats:4222 --nats-nkey restorer.nk --replicas 3\n",
    )
    .action(async (file: string, flags: RestoreFlags) => {
      const { clock, cwd, interrupted: signal } = context;
      const output = createOutput(context, flags.json === true);
      const [{ checkBackup }, { restore }] = await Promise.all([
        import("../../registry/jetstream/backup/check-backup.ts"),
        import("../../registry/jetstream/backup/restore.ts"),
      ]);
      const path = resolve(cwd, file);
      const document = await checkBackup(path, file, signal);
      const place = { ...flags, pipeline: document.pipeline };
      const progress = await createCountProgress(context.stderr, "models");
      const state = flags.state === undefined ? undefined : resolve(cwd, flags.state, document.pipeline);
      await withConnections(context, place, async (connections) => {
        const access = await connections.access();
        await withStateFolders(context, state, document, flags.force === true, async (extra) => {
          await restore({
            ...access,
            clock,
            signal,
            document,
            path,
            file,
            name: "uncouple restore",
            force: flags.force === true,
            settings: flags,
            log: (level, message) => level === "warn" && output.note(message),
            extra,
            progress: progress.update,
          });
        });
      }).finally(() => progress.stop());
      if (state === undefined && document.extras.length > 0) {
        output.note(`${file} also has the state of trainers; give --state to restore it`);
      }
      output.result({ file, ...backupJson(document) }, () => `restored ${backupText(document)}`);
    });
}

/** Files in a backup: `state/COMPONENT/FILE`. */
const STATE = /^state\/([a-z][a-z0-9-]*)\/(.+)$/;

/**
 * Holds the state folders of the components in a backup while `work` writes to them.
 * @param state of the pipeline; undefined: nothing is written
 * @throws UncoupleError `conflict` if a trainer runs there, or one has runs and `force` is false
 */
async function withStateFolders(
  { clock }: CliContext,
  state: string | undefined,
  { extras }: BackupDocument,
  force: boolean,
  work: (extra: (file: TarFile) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (state === undefined) return work(async () => {});
  const { clearState, hasRuns, writeStateFile } = await import("../../trainer/runs/state-files.ts");
  const components = new Set(extras.flatMap(({ path }) => STATE.exec(path)?.[1] ?? []));
  const locks: FolderLock[] = [];
  try {
    for (const component of components) {
      const folder = join(state, component);
      if (!force && (await hasRuns(folder))) {
        throw new UncoupleError("conflict", `${folder} has the state of a trainer; use --force to replace it`);
      }
      locks.push(await lockFolder(folder, { processes: processTableOf(process, hostname()), clock }));
    }
    const cleared = new Set<string>();
    await work(async ({ path, bytes }) => {
      const [, component, rest] = STATE.exec(path) ?? [];
      if (component === undefined || rest === undefined) return;
      const folder = join(state, component);
      if (!cleared.has(component)) await clearState(folder);
      cleared.add(component);
      await writeStateFile(folder, { path: rest, bytes });
    });
  } finally {
    for (const lock of locks) await lock.release();
  }
}
