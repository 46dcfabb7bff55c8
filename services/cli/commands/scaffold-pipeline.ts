import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { packageInfo } from "../../runtime/package-info.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { isThere, writeAll } from "../files/write-all.ts";
import {
  CERTIFICATES,
  type Certificates,
  certManagerCommands,
  credentialsCommand,
  opensslCommands,
  platformCertificates,
} from "../scaffold/certificates.ts";
import { baseFolder, kubernetesBase } from "../scaffold/kubernetes-base.ts";
import { checkNamespace } from "../scaffold/kubernetes-names.ts";
import { AUTOSCALERS, type Autoscaler, pipelineFiles } from "../scaffold/pipeline-files.ts";
import { createOutput } from "../terminal/output.ts";

interface ScaffoldFlags {
  readonly pipeline: string;
  readonly out: string;
  readonly namespace: string;
  readonly autoscaler: Autoscaler;
  readonly certificates: Certificates;
  readonly force?: true;
  readonly json?: true;
}

export function scaffoldPipelineCommand(context: CliContext): Command {
  return new Command("pipeline")
    .summary("write the Kubernetes manifests of a pipeline")
    .description(
      "Writes kustomize overlays of everything that a pipeline needs beside its teams: three NATS servers, evaluators, the Job that prepares the streams, and the collection of old models. Also writes the manifests of this version that they stand on. `uncouple scaffold team` adds the teams.",
    )
    .requiredOption("--pipeline <file>", "the pipeline file")
    .requiredOption("--out <folder>", "folder of the deployment")
    .option("--namespace <name>", "namespace of NATS and the evaluators", "uncouple")
    .addOption(
      new Option("--autoscaler <kind>", "what scales the evaluators: KEDA, an HPA on an external metric, or nothing")
        .choices(AUTOSCALERS)
        .default("keda"),
    )
    .addOption(certificatesOption())
    .option("--force", "overwrite existing files")
    .option("--json", "print JSON: { files: [path] }")
    .addHelpText("after", "\nExample:\n  uncouple scaffold pipeline --pipeline pipeline.yaml --out deployment\n")
    .action(async (flags: ScaffoldFlags) => {
      const output = createOutput(context, flags.json === true);
      const { namespace, autoscaler, certificates, force = false } = flags;
      const pipeline = await requirePipelineFile(context, flags.pipeline);
      checkNamespace(namespace);
      const out = resolve(context.cwd, flags.out);
      const base = baseFolder(packageInfo().version);
      const readsFile = pipeline.data.source === "file" && !pipeline.data.path.includes("://");
      const text = await readFile(resolve(context.cwd, flags.pipeline), "utf8");
      const overlay = pipelineFiles({
        pipeline: pipeline.name,
        namespace,
        autoscaler,
        certificates,
        readsFile,
        text,
        base: `../${base}`,
      });
      // The manifests of a version are the same for all pipelines.
      const shipped = (await isThere(join(out, base))) && !force ? [] : await kubernetesBase();
      await writeAll(out, flags.out, [...overlay, ...shipped], force);
      const files = [...overlay, ...shipped].map(({ path }) => `${flags.out}/${path}`);
      const keys = `${flags.out}/accounts/keys`;
      output.result({ files }, () =>
        [
          `wrote ${flags.out}/shared, ${flags.out}/accounts and ${flags.out}/platform${shipped.length > 0 ? `, and ${flags.out}/${base} that they stand on` : ""}`,
          "",
          "Review:",
          `  ${flags.out}/shared/kustomization.yaml    where NATS is, how many replicas, what gc keeps`,
          ...(readsFile
            ? [
                `  ${flags.out}/shared/pipeline.yaml         data.path: /data/FILE of a volume claim \`data\` in each namespace`,
              ]
            : []),
          `  ${flags.out}/platform/kustomization.yaml  images and their registry, volumes and resources of NATS, the autoscaler`,
          "",
          "Then:",
          ...pipeline.components
            .filter(({ from }) => from === undefined)
            .map(({ name }) => `  uncouple scaffold team ${name} --pipeline ${flags.pipeline} --out ${flags.out}`),
          `  uncouple scaffold nats --pipeline ${flags.pipeline} --out ${flags.out}/accounts`,
          `  kubectl apply -f ${flags.out}/platform/namespace.yaml`,
          ...(certificates === "secrets"
            ? opensslCommands(`${flags.out}/${base}`, namespace, platformCertificates(namespace))
            : certManagerCommands(`${flags.out}/platform`, namespace)
          ).map((command) => `  ${command}`),
          ...[
            { secret: "nats-credentials", user: "evaluator" },
            { secret: "nats-operator", user: "operator" },
          ].map(
            ({ secret, user }) =>
              `  ${credentialsCommand(namespace, secret, { keys, user, natsNamespace: namespace })}`,
          ),
          `  kubectl apply -k ${flags.out}/platform`,
        ].join("\n"),
      );
    });
}

export function certificatesOption(): Option {
  return new Option(
    "--certificates <by>",
    "who makes the certificates: cert-manager, or you, as Secrets (docs/deploy.md)",
  )
    .choices(CERTIFICATES)
    .default("secrets");
}
