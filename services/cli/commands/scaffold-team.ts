import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { parsePipelineFile } from "../../pipeline/files/pipeline-file.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { contentOf, digestOf } from "../../pipeline/pipeline-content.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { isThere, writeAll } from "../files/write-all.ts";
import { parseCount } from "../flags/reference.ts";
import { type Certificates, credentialsCommand, opensslCommands, teamCertificates } from "../scaffold/certificates.ts";
import { baseFolder } from "../scaffold/kubernetes-base.ts";
import { checkComponentFits, checkNamespace } from "../scaffold/kubernetes-names.ts";
import { teamFiles, variantOf } from "../scaffold/team-files.ts";
import { createOutput } from "../terminal/output.ts";
import { certificatesOption } from "./scaffold-pipeline.ts";

interface ScaffoldFlags {
  readonly pipeline: string;
  readonly out: string;
  readonly namespace?: string;
  readonly gpus?: number;
  readonly workers?: number;
  readonly certificates: Certificates;
  readonly force?: true;
  readonly json?: true;
}

export function scaffoldTeamCommand(context: CliContext): Command {
  return new Command("team")
    .summary("write the Kubernetes manifests of a team")
    .description(
      "Writes the kustomize overlay of one team: its namespace with a quota, its team file, and what it changes of the versioned manifests that `uncouple scaffold pipeline` wrote. One GPU goes to the trainer; more go to workers, one each, which exist only while there is work.",
    )
    .argument("<component>", "the team's component")
    .requiredOption("--pipeline <file>", "the pipeline file")
    .requiredOption("--out <folder>", "folder of the deployment, as for `uncouple scaffold pipeline`")
    .option("--namespace <name>", "namespace of the team (default: uncouple-COMPONENT)")
    .option("--gpus <count>", "GPUs of the team", parseCount)
    .option("--workers <max>", "largest number of workers (default: none, or one for each of several GPUs)", parseCount)
    .addOption(certificatesOption())
    .option("--force", "overwrite existing files")
    .option("--json", "print JSON: { files: [path], namespace, base }")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple scaffold team m2 --pipeline pipeline.yaml --out deployment\n  uncouple scaffold team m2 --pipeline pipeline.yaml --out deployment --gpus 4\n",
    )
    .action(async (component: string, flags: ScaffoldFlags) => {
      const output = createOutput(context, flags.json === true);
      const pipeline = await requirePipelineFile(context, flags.pipeline);
      checkComponent(pipeline, component);
      const namespace = flags.namespace ?? `uncouple-${component}`;
      checkNamespace(namespace);
      const { certificates } = flags;
      const { gpus, workers } = hardwareOf(flags);
      const out = resolve(context.cwd, flags.out);
      const base = baseFolder(packageInfo().version);
      await checkShared(out, flags, pipeline, base);
      const readsFile = pipeline.data.source === "file" && !pipeline.data.path.includes("://");
      const folder = `teams/${component}`;
      const files = teamFiles({
        pipeline: pipeline.name,
        component,
        namespace,
        gpus,
        workers,
        certificates,
        readsFile,
        base: `../../${base}`,
      }).map((file) => ({ ...file, path: `${folder}/${file.path}` }));
      await writeAll(out, flags.out, files, flags.force === true);
      const variant = variantOf({ gpus, workers });
      const written = files.map(({ path }) => `${flags.out}/${path}`);
      output.result({ files: written, namespace, base: variant }, () =>
        [
          `wrote ${flags.out}/${folder}: trainer-${component} in namespace ${namespace}, on ${variant} of version ${packageInfo().version}`,
          "",
          "Review:",
          `  ${flags.out}/${folder}/team.yaml           how the team trains`,
          `  ${flags.out}/${folder}/quota.yaml          what it may use at most`,
          `  ${flags.out}/${folder}/kustomization.yaml  images and their registry${workers > 0 ? ", at most how many workers, Kueue" : ""}`,
          ...(readsFile ? [`  volume claim \`data\` in ${namespace}, with the rows of the pipeline file`] : []),
          "",
          "Then:",
          `  uncouple validate ${flags.pipeline} ${flags.out}/${folder}/team.yaml`,
          `  kubectl apply -f ${flags.out}/${folder}/namespace.yaml`,
          ...(certificates === "secrets"
            ? opensslCommands(`${flags.out}/${base}`, namespace, teamCertificates(component, namespace, workers))
            : []
          ).map((command) => `  ${command}`),
          `  ${credentialsCommand(namespace, "nats-credentials", { keys: `${flags.out}/accounts/keys`, user: component, natsNamespace: "uncouple" })}`,
          `  kubectl apply -k ${flags.out}/${folder}`,
        ].join("\n"),
      );
    });
}

/** @throws UncoupleError `not-found`, `invalid-argument` */
function checkComponent(pipeline: Pipeline, component: string): void {
  const { from } = componentNamed(pipeline, component);
  if (from !== undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `component ${component} has no team: pipeline ${from.pipeline} trains it`,
    );
  }
  checkComponentFits(component);
}

/** @throws UncoupleError `invalid-argument` for workers without a GPU in a team that has some */
function hardwareOf({ gpus = 0, workers = gpus > 1 ? gpus : 0 }: ScaffoldFlags): {
  readonly gpus: number;
  readonly workers: number;
} {
  if (gpus > 0 && workers > gpus) {
    const message = `--workers ${workers} exceeds --gpus ${gpus}: each worker takes one GPU`;
    throw new UncoupleError("invalid-argument", message);
  }
  return { gpus, workers };
}

/** @throws UncoupleError `failed-precondition` if the deployment is not there; `conflict` if it is of another file */
async function checkShared(out: string, flags: ScaffoldFlags, pipeline: Pipeline, base: string): Promise<void> {
  const shared = `${flags.out}/shared/pipeline.yaml`;
  for (const part of ["shared/pipeline.yaml", base]) {
    if (await isThere(join(out, part))) continue;
    throw new UncoupleError(
      "failed-precondition",
      `${flags.out}/${part} does not exist; run \`uncouple scaffold pipeline --pipeline ${flags.pipeline} --out ${flags.out}\` first`,
    );
  }
  const parsed = parsePipelineFile(await readFile(join(out, "shared/pipeline.yaml"), "utf8"), shared);
  if ("pipeline" in parsed && digestOf(contentOf(parsed.pipeline)) === digestOf(contentOf(pipeline))) return;
  throw new UncoupleError("conflict", `${shared} differs from ${flags.pipeline}; update it first`);
}
