import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { Collection, GarbageDeps } from "../../composition/collect-garbage.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import { DEFAULT_CHAMPIONS, type RetentionPolicy } from "../../pipeline/tombstone.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { CompactedLog } from "../../registry/compaction.ts";
import { readStackFiles } from "../connect/configuration.ts";
import { type ConnectionFlags, DEFAULT_DIR, withConnections, withPeers } from "../connect/connections.ts";
import { readStack } from "../connect/stack-file.ts";
import { type CliContext, setting } from "../context/context.ts";
import { dataAccess } from "../flags/data-flags.ts";
import { parseCount } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

interface GcFlags extends ConnectionFlags {
  readonly keep?: number;
  readonly pipelineFile?: string;
  readonly forget?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export function gcCommand(context: CliContext): Command {
  return withPeers(
    new Command("gc")
      .summary("delete the models of old snapshots")
      .description(
        "Deletes the models of old snapshots. Keeps the newest of each component, what the newest releases name, what has an alias, what the champions can be rolled back to, what runs have pinned, what other pipelines use, what has no verdict yet, and everything that one of these was trained on. Then compacts the logs: removes the verdicts and quarantines of deleted snapshots, and alias changes that no rollback reaches. Announcements stay. Evaluators do the same if the pipeline file has `retention: { keep: N }`.",
      )
      .option("--keep <count>", "newest snapshots of each component to keep (default: retention.keep)", parseCount)
      .option("--dry-run", "list what would be deleted")
      .option("--forget <pipeline>", "first release what a pipeline that no longer exists uses of this one")
      .option("--pipeline-file <file>", "the pipeline file with `retention:` (default: the one in the stack file)")
      .option(
        "--json",
        "print JSON: { dryRun, policy, deleted: [{ component, serial, size }], kept, completed, compacted: [{ log, removed, kept }] }",
      ),
    "registry",
  )
    .addHelpText("after", "\nExamples:\n  uncouple gc --keep 20 --dry-run\n  uncouple gc --keep 20\n")
    .action(async (flags: GcFlags) => {
      const output = createOutput(context, flags.json === true);
      const { policy, of } = await policyOf(context, flags);
      const dryRun = flags.dryRun === true;
      if (dryRun && flags.forget !== undefined) {
        throw new UncoupleError("invalid-argument", "--forget changes the store; leave out --dry-run");
      }
      await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place();
        if (of !== undefined && of !== pipeline) {
          throw new UncoupleError(
            "invalid-argument",
            `the pipeline file is of ${of}, not of ${pipeline}; give --keep N`,
          );
        }
        if (flags.forget !== undefined) await forget(flags.forget, backplane);
        const { collection, compacted } = await collect(context, backplane, pipeline, policy, dryRun);
        output.result({ dryRun, policy, ...collection, compacted }, (style, width) => {
          const { deleted, kept, completed } = collection;
          const bytes = deleted.reduce((sum, { size }) => sum + size, 0);
          const done = dryRun ? "would delete" : "deleted";
          return [
            ...(deleted.length === 0
              ? []
              : [
                  formatTable(
                    [{ title: "SNAPSHOT" }, { title: "KB", number: true }],
                    deleted.map((garbage) => [plain(snapshotName(garbage)), (garbage.size / 1000).toFixed(1)]),
                    style,
                    width,
                  ),
                ]),
            `${done} ${deleted.length} models, ${(bytes / 1e6).toFixed(1)} MB; ${kept} stay (keep ${policy.keep}, champions ${policy.champions})`,
            ...completedText(completed),
            ...compacted.map(
              ({ log, removed, kept }) =>
                `${dryRun ? "would remove" : "removed"} ${removed} of ${removed + kept} entries of the log of ${log}`,
            ),
          ].join("\n");
        });
      });
    });
}

/** Releases the references of a pipeline. If its evaluators run, they make them again. @throws UncoupleError `not-found` */
async function forget(pipeline: string, { retention }: Backplane): Promise<void> {
  const { references } = await retention.state();
  const holders = references.filter(({ by }) => by === pipeline).map(({ holder }) => holder);
  if (holders.length === 0) {
    const known = [...new Set(references.map(({ by }) => by))].join(", ") || "none";
    throw new UncoupleError(
      "not-found",
      `pipeline "${pipeline}" uses no snapshots of this one; those that do: ${known}`,
    );
  }
  for (const holder of holders) await retention.release(holder);
}

function completedText(completed: readonly SnapshotId[]): readonly string[] {
  if (completed.length === 0) return [];
  return [`completed an interrupted deletion of ${completed.map(snapshotName).map(plain).join(", ")}`];
}

/** Collects with a view of the pipeline that ends with the call. */
async function collect(
  { clock, env, interrupted }: CliContext,
  backplane: Backplane,
  pipeline: string,
  policy: RetentionPolicy,
  dryRun: boolean,
): Promise<{ readonly collection: Collection; readonly compacted: readonly CompactedLog[] }> {
  const [{ withPipelineView }, { collectGarbage, findGarbage }, { compactLogs, findCompaction }] = await Promise.all([
    import("../../composition/pipeline-view.ts"),
    import("../../composition/collect-garbage.ts"),
    import("../../composition/compact-logs.ts"),
  ]);
  const by = `${env.USER ?? env.LOGNAME ?? "someone"} (uncouple gc)`;
  const collection = await withPipelineView({ backplane, clock }, interrupted, (view, signal) => {
    const deps: GarbageDeps = { pipeline, policy, by, backplane, view, clock };
    return dryRun ? findGarbage(deps, signal) : collectGarbage(deps, signal);
  });
  const compacted = dryRun
    ? await findCompaction({ policy, backplane }, collection.deleted)
    : await compactLogs({ policy, by, backplane }, interrupted);
  return { collection, compacted };
}

/** From --keep and the pipeline file. `of`: the pipeline of the file, if the policy is from there. */
async function policyOf(
  context: CliContext,
  { keep, ...flags }: GcFlags,
): Promise<{ readonly policy: RetentionPolicy; readonly of?: string }> {
  const path = await pipelineFile(context, flags);
  const file =
    path === undefined ? undefined : (await readStackFiles([path], context.cwd, dataAccess(context))).pipeline.pipeline;
  const retention = file?.retention;
  if (retention !== undefined)
    return { policy: { ...retention, ...(keep !== undefined && { keep }) }, of: file?.name ?? "" };
  if (keep !== undefined) return { policy: { keep, champions: DEFAULT_CHAMPIONS } };
  const missing = path === undefined ? "without a pipeline file" : `${path} has no key \`retention\``;
  throw new UncoupleError(
    "invalid-argument",
    `${missing}: give --keep N, or add \`retention: { keep: N }\` to the pipeline file`,
  );
}

async function pipelineFile(context: CliContext, flags: GcFlags): Promise<string | undefined> {
  if (flags.pipelineFile !== undefined) return resolve(context.cwd, flags.pipelineFile);
  // Another server's pipeline is not the one of the stack.
  if (flags.nats !== undefined) return undefined;
  const dir = resolve(context.cwd, flags.dir ?? setting(context.env, "UNCOUPLE_DIR") ?? DEFAULT_DIR);
  return (await readStack(dir))?.pipelineFile;
}
