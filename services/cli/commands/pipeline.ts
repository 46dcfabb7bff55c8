import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { changesBetween, classOf, type PipelineChange } from "../../pipeline/pipeline-changes.ts";
import { contentOf, digestOf, type PipelineContent, shortDigest } from "../../pipeline/pipeline-content.ts";
import type { PipelineVersion } from "../../pipeline/pipeline-version.ts";
import { applyPlan, planApply } from "../../registry/apply-pipeline.ts";
import { EVALUATOR_GROUP } from "../../registry/backplane.ts";
import type { Reference } from "../../registry/retention.ts";
import { checkSharing } from "../../registry/sharing.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import { type CliContext, userName } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { applyText, changeLines } from "../text/pipeline-text.ts";
import { lockCommand } from "./pipeline-lock.ts";

interface ApplyFlags extends ConnectionFlags {
  readonly dryRun?: true;
  readonly breaking?: true;
  readonly expect?: string;
  readonly json?: true;
}

/** Hexadecimal digits that identify a digest; other arguments are files. */
const DIGEST = /^[0-9a-f]{6,64}$/;

export function pipelineCommand(context: CliContext): Command {
  return new Command("pipeline")
    .summary("apply a pipeline file, and see its history")
    .description(
      "The registry keeps the pipeline file that is in force, with its history. Services with another file are alive, but not ready. Comments, formatting, the order of keys and the path of the data do not count.",
    )
    .addCommand(applyCommand(context))
    .addCommand(lockCommand(context))
    .addCommand(diffCommand(context))
    .addCommand(historyCommand(context))
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple pipeline apply pipeline.yaml --dry-run\n  uncouple pipeline history\n",
    );
}

function applyCommand(context: CliContext): Command {
  return withPeers(
    new Command("apply")
      .summary("put a pipeline file in force")
      .description(
        "Puts a pipeline file in force. Says which of its changes are compatible, additive or breaking, and what each means for snapshots and verdicts. Creates the pipeline's streams on a NATS server that does not have them yet.",
      )
      .argument("<file>", "the pipeline file")
      .option("--dry-run", "tell what would change, and apply nothing")
      .option("--breaking", "also apply breaking changes")
      .option("--expect <digest>", "apply only if this file is in force (`previous` of a dry run; `none` for none)")
      .option("--json", "print JSON: { pipeline, digest, previous, class, changes, applied }"),
    "store",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple pipeline apply pipeline.yaml --dry-run\n  uncouple pipeline apply pipeline.yaml --nats nats://127.0.0.1:4222\n",
    )
    .action(async (file: string, flags: ApplyFlags) => {
      const output = createOutput(context, flags.json === true);
      const pipeline = await requirePipelineFile(context, file);
      await withConnections(context, { ...flags, pipeline: pipeline.name }, async (connections) => {
        const create = flags.dryRun !== true;
        const { pipelines, retention, workQueue, neighbor } = await connections.backplane(undefined, { create });
        // Creates the evaluators' queue, which those of restricted accounts cannot.
        if (create) await workQueue(EVALUATOR_GROUP).pending();
        const plan = await planApply(pipelines, pipeline);
        checkExpected(plan.previous, flags.expect);
        await checkSharing(pipeline, neighbor);
        const users = usersOfChanged(plan.changes, (await retention.state()).references);
        if (users.length > 0) {
          output.note(
            `used by other pipelines, which get nothing newer until they lock and apply: ${users.join(", ")}`,
          );
        }
        const applied =
          flags.dryRun === undefined &&
          (await applyPlan(pipelines, pipeline, plan, {
            breaking: flags.breaking === true,
            by: userName(context.env),
          }));
        output.result({ ...plan, applied }, (style) => applyText(plan, applied, style));
      });
    });
}

/** The components with breaking changes that other pipelines use: `m1 (by bids)`. */
function usersOfChanged(changes: readonly PipelineChange[], references: readonly Reference[]): readonly string[] {
  const broken = changes.filter((change) => change.class === "breaking").map(({ path }) => path.split("."));
  const changed = new Set(broken.flatMap(([key, name]) => (key === "components" ? [name] : [])));
  const used = references.filter(({ component }) => changed.has(component));
  return [...new Set(used.map(({ component, by }) => `${component} (by ${by})`))];
}

function diffCommand(context: CliContext): Command {
  return withPeers(
    new Command("diff")
      .summary("compare pipeline files")
      .description(
        "Compares the pipeline file in force with a file, or with an earlier one by its digest; or two earlier ones. Without arguments, compares it with the one before. A digest may be shortened to its first characters.",
      )
      .argument("[from]", "a pipeline file or a digest")
      .argument("[to]", "a digest")
      .option("--json", "print JSON: { from, to, class, changes }"),
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple pipeline diff\n  uncouple pipeline diff pipeline.yaml\n  uncouple pipeline diff 3f2a91c0\n",
    )
    .action(async (from: string | undefined, to: string | undefined, flags: ConnectionFlags & { json?: true }) => {
      const output = createOutput(context, flags.json === true);
      const file = from === undefined || DIGEST.test(from) ? undefined : await requirePipelineFile(context, from);
      if (to !== undefined && (file !== undefined || !DIGEST.test(to))) {
        throw new UncoupleError("invalid-argument", "give one file, or one or two digests");
      }
      const place = file === undefined ? flags : { ...flags, pipeline: flags.pipeline ?? file.name };
      await withConnections(context, place, async (connections) => {
        const { pipelines } = await connections.backplane();
        const versions = (await pipelines.history()).map(({ value }) => value);
        const [before, after] = sidesOf(versions, from, to, file);
        const changes = changesBetween(before, after);
        const result = { from: digestOf(before), to: digestOf(after), class: classOf(changes) ?? null, changes };
        output.result(result, (style) =>
          [
            `${shortDigest(result.from)} to ${shortDigest(result.to)}: ${result.class ?? "no changes"}`,
            ...changeLines(changes, style),
          ].join("\n"),
        );
      });
    });
}

function historyCommand(context: CliContext): Command {
  return withPeers(
    new Command("history")
      .summary("list the applied pipeline files")
      .description("Lists the pipeline files that were applied, oldest first. The last one is in force.")
      .option("--json", "print JSON: [{ pipeline, digest, previous, content, by, at }]"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple pipeline history\n")
    .action(async (flags: ConnectionFlags & { json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { pipelines } = await connections.backplane();
        const versions = (await pipelines.history()).map(({ value }) => value);
        output.result(versions, (style, width) =>
          versions.length === 0 ? "no pipeline file was applied yet" : historyTable(versions, style, width),
        );
      });
    });
}

/** @throws UncoupleError `conflict` */
function checkExpected(inForce: string | null, expected: string | undefined): void {
  if (expected === undefined) return;
  const fits = inForce === null ? expected === "none" : expected.length >= 6 && inForce.startsWith(expected);
  if (fits) return;
  throw new UncoupleError(
    "conflict",
    `nothing was applied: ${inForce === null ? "no pipeline file" : shortDigest(inForce)} is in force, not ${expected}`,
  );
}

/** The two contents to compare, from the older to the newer one. */
function sidesOf(
  versions: readonly PipelineVersion[],
  from: string | undefined,
  to: string | undefined,
  file: Pipeline | undefined,
): readonly [PipelineContent, PipelineContent] {
  const newest = versions.at(-1);
  if (newest === undefined) throw new UncoupleError("not-found", "no pipeline file was applied yet");
  if (file !== undefined) return [newest.content, contentOf(file)];
  if (from !== undefined)
    return [versionOf(versions, from), to === undefined ? newest.content : versionOf(versions, to)];
  const before = versions.at(-2);
  if (before !== undefined) return [before.content, newest.content];
  throw new UncoupleError("not-found", `only ${shortDigest(newest.digest)} was applied yet: there is none before it`);
}

/** @throws UncoupleError `not-found`, or `invalid-argument` if several start with the prefix */
function versionOf(versions: readonly PipelineVersion[], prefix: string): PipelineContent {
  const found = new Map(versions.map(({ digest, content }) => [digest, content]));
  const matches = [...found].filter(([digest]) => digest.startsWith(prefix));
  if (matches.length > 1) throw new UncoupleError("invalid-argument", `several digests start with ${prefix}`);
  const [match] = matches;
  if (match !== undefined) return match[1];
  const known = [...found.keys()].map(shortDigest).join(", ");
  throw new UncoupleError("not-found", `no applied pipeline file has the digest ${prefix}; available: ${known}`);
}

function historyTable(versions: readonly PipelineVersion[], style: Style, width: number): string {
  return formatTable(
    ["DIGEST", "CHANGES", "BY", "TIME"].map((title) => ({ title, wraps: title === "BY" })),
    versions.map(({ digest, content, by, at }, index) => {
      const before = versions[index - 1];
      const kind = before === undefined ? "first" : (classOf(changesBetween(before.content, content)) ?? "none");
      const row = [shortDigest(digest), kind, by, at].map(plain);
      return index === versions.length - 1 ? row.map(style.bold) : row;
    }),
    style,
    width,
  );
}
