import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { requireTextFile } from "../../common/files/text-file.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { didYouMean } from "../../common/suggest.ts";
import { sharedContract, sharedNamesIn, withSharedBlock } from "../../pipeline/files/shared-block.ts";
import { NAME } from "../../pipeline/name.ts";
import { contentOf, type PipelineContent } from "../../pipeline/pipeline-content.ts";
import { originName } from "../../pipeline/shared.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";

type Owners = ReadonlyMap<string, string>;

interface LockFlags extends ConnectionFlags {
  readonly owner?: Owners;
  readonly check?: true;
  readonly json?: true;
}

export function lockCommand(context: CliContext): Command {
  return withPeers(
    new Command("lock")
      .summary("get the contracts of components that other pipelines train")
      .description(
        "Writes the contracts of components with `from` into the pipeline file, as `shared` at its end: inputs, output, loss and target, as the pipeline files in force of their owners have them. Services and other commands then need no connection to know them. Run it again when an owner has changed a contract.",
      )
      .argument("<file>", "the pipeline file, which is changed")
      .option("--owner <pipeline=file>", "take the contracts of a pipeline from its file, repeatable", addOwner)
      .option("--check", "write nothing, and exit with 4 if the file would change")
      .option("--json", "print JSON: { file, changed, shared: { PIPELINE/COMPONENT: contract } }"),
    "store",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple pipeline lock pipeline.yaml --nats nats://127.0.0.1:4222\n  uncouple pipeline lock pipeline.yaml --owner ads=../ads/pipeline.yaml\n",
    )
    .action(async (file: string, flags: LockFlags) => {
      const output = createOutput(context, flags.json === true);
      const path = resolve(context.cwd, file);
      const text = await requireTextFile("pipeline file", path);
      const names = sharedNamesIn(text, file);
      refuseOtherOwners(flags.owner, new Set(names.map(({ pipeline }) => pipeline)), file);
      const contents = new Map<string, PipelineContent>();
      const contracts = new Map<string, Readonly<Record<string, unknown>>>();
      for (const origin of names) {
        const { pipeline, component } = origin;
        const content = contents.get(pipeline) ?? (await fileOf(pipeline, flags, context));
        contents.set(pipeline, content);
        const contract = sharedContract(content, origin);
        if (contract === undefined) throw noComponent(content, pipeline, component);
        contracts.set(originName(origin), contract);
      }
      const locked = withSharedBlock(text, contracts);
      const changed = locked !== text;
      if (changed && flags.check === true) {
        throw new UncoupleError(
          "conflict",
          `${file} does not have the contracts as they are now; run \`uncouple pipeline lock ${file}\``,
        );
      }
      if (changed) await writeWhole(path, file, locked, true);
      output.result({ file, changed, shared: Object.fromEntries(contracts) }, () =>
        contracts.size === 0
          ? `${file} uses no components of other pipelines`
          : `${file} ${changed ? "now has" : "already has"} the contracts of ${[...contracts.keys()].join(", ")}`,
      );
    });
}

/** The pipeline file that a flag names, else the one in force. @throws UncoupleError `not-found` */
async function fileOf(pipeline: string, flags: LockFlags, context: CliContext): Promise<PipelineContent> {
  const given = flags.owner?.get(pipeline);
  if (given !== undefined) {
    const parsed = await requirePipelineFile(context, given);
    if (parsed.name === pipeline) return contentOf(parsed);
    throw new UncoupleError("invalid-argument", `${given} is the file of pipeline ${parsed.name}, not ${pipeline}`);
  }
  const nats = await serverOf(pipeline, flags, context);
  return withConnections(context, { ...flags, nats, pipeline }, async (connections) => {
    const { pipelines } = await connections.backplane();
    const current = await pipelines.current();
    if (current !== undefined) return current.value.content;
    throw new UncoupleError(
      "not-found",
      `pipeline ${pipeline} has applied no pipeline file; apply it first, or give --owner ${pipeline}=FILE`,
    );
  });
}

/** @throws UncoupleError `invalid-argument` for the file of a pipeline that no component comes from */
function refuseOtherOwners(given: Owners = new Map(), used: ReadonlySet<string>, file: string): void {
  for (const owner of given.keys()) {
    if (used.has(owner)) continue;
    const known = used.size === 0 ? "no other pipeline" : [...used].join(", ");
    throw new UncoupleError(
      "invalid-argument",
      `--owner ${owner}: ${file} uses no component of pipeline ${owner}; it uses those of ${known}`,
    );
  }
}

/** The server of a pipeline: also that of a stack of another one. @throws UncoupleError `failed-precondition` */
async function serverOf(pipeline: string, flags: LockFlags, context: CliContext): Promise<string> {
  const locate = (given: ConnectionFlags) => withConnections(context, given, (connections) => connections.access());
  try {
    return (await locate({ ...flags, pipeline }).catch(() => locate(flags))).url;
  } catch (cause) {
    throw new UncoupleError(
      "failed-precondition",
      `the contracts of pipeline ${pipeline} are on its NATS server; add --nats URL, or --owner ${pipeline}=FILE`,
      { cause },
    );
  }
}

function noComponent(content: PipelineContent, pipeline: string, component: string): UncoupleError {
  const known = Object.keys((content.components ?? {}) as object);
  return new UncoupleError(
    "not-found",
    `pipeline ${pipeline} has no component "${component}"; available: ${known.join(", ")}${didYouMean(component, known)}`,
  );
}

/** Parses `ads=FILE`, and adds it. @throws InvalidArgumentError */
function addOwner(text: string, before: Owners = new Map()): Owners {
  const [, pipeline = "", file] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
  if (file === undefined || !NAME.test(pipeline)) throw new InvalidArgumentError("Expected PIPELINE=FILE.");
  if (before.has(pipeline)) throw new InvalidArgumentError(`${pipeline} is given twice.`);
  return new Map([...before, [pipeline, file]]);
}
