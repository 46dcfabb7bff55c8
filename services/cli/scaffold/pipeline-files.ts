import type { NewFile } from "../files/write-all.ts";
import { type Certificates, certificatesYaml, platformCertificates } from "./certificates.ts";
import { namespaceYaml } from "./kubernetes-names.ts";
import { dataPatch } from "./team-files.ts";

/** What decides how many evaluators there are. */
export const AUTOSCALERS = ["keda", "hpa", "none"] as const;
export type Autoscaler = (typeof AUTOSCALERS)[number];

export interface PipelineOptions {
  readonly pipeline: string;
  readonly namespace: string;
  readonly autoscaler: Autoscaler;
  readonly certificates: Certificates;
  /** Whether the pipeline reads its rows from a file. */
  readonly readsFile: boolean;
  /** The pipeline file. */
  readonly text: string;
  /** The folder with the base, from the folder `platform`. */
  readonly base: string;
}

/** What a pipeline needs beside its teams: three NATS servers, evaluators, and what every namespace gets. */
export function pipelineFiles(options: PipelineOptions): readonly NewFile[] {
  const { namespace, certificates } = options;
  return [
    { path: "accounts/.gitignore", content: "# Secrets, which `uncouple scaffold nats` writes.\nkeys/\n" },
    { path: "accounts/kustomization.yaml", content: ACCOUNTS },
    { path: "shared/kustomization.yaml", content: shared(options) },
    { path: "shared/pipeline.yaml", content: options.text },
    { path: "platform/kustomization.yaml", content: platform(options) },
    { path: "platform/namespace.yaml", content: namespaceYaml(namespace) },
    ...(certificates === "cert-manager"
      ? [{ path: "platform/certificates.yaml", content: certificatesYaml(platformCertificates(namespace)) }]
      : []),
  ];
}

const ACCOUNTS = `# Who may do what at NATS: public keys only. \`uncouple scaffold nats --out\` this folder writes accounts.conf, and the users'
# secrets beside it.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
  - name: nats-config
    behavior: merge
    files: [accounts.conf]
`;

function shared({ pipeline, namespace }: PipelineOptions): string {
  const servers = [0, 1, 2].map((n) => `tls://nats-${n}.nats-headless.${namespace}:4222`).join(",");
  return `# What every namespace of pipeline ${pipeline} gets: the pipeline file, and where NATS is. All keys of that file are in
# docs/pipeline-file.md ("Every key"), for example \`tests\` of composed outputs (docs/model-tests.md), components \`from\`
# other pipelines (docs/shared-components.md), and \`data.held_out\`: with credentials for it that only evaluators have, the
# store keeps held-out rows from trainers (docs/data.md).
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configMapGenerator:
  - name: pipeline
    files: [pipeline.yaml]
  - name: settings
    literals:
      - NATS_URL=${servers}
      # Files of the Secrets nats-credentials and, for the jobs, nats-operator.
      - NATS_NKEY=/var/run/uncouple/nats/user.nk
      - NATS_CA=/var/run/uncouple/nats/ca.crt
      # Files of the Secrets evaluator-tls, trainer-tls and worker-tls: gRPC requires certificates of both sides.
      - UNCOUPLE_TLS_CERT=/var/run/uncouple/tls/tls.crt
      - UNCOUPLE_TLS_KEY=/var/run/uncouple/tls/tls.key
      - UNCOUPLE_TLS_CA=/var/run/uncouple/tls/ca.crt
      - UNCOUPLE_TLS_CLIENT_CA=/var/run/uncouple/tls/ca.crt
      - UNCOUPLE_PIPELINE=${pipeline}
      - REPLICAS=3
      # Newest snapshots of each component that the CronJob gc keeps.
      - GC_KEEP=20
`;
}

function platform(options: PipelineOptions): string {
  const { pipeline, namespace, autoscaler, certificates, readsFile, base } = options;
  const variant = autoscaler === "none" ? "pipeline" : `pipeline-${autoscaler}`;
  return `# The NATS servers and the evaluators of pipeline ${pipeline}. Written by \`uncouple scaffold pipeline\`; change it as you like.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ${namespace}
resources:
  - namespace.yaml
  - ../shared
  - ${base}/base/nats-cluster
  - ${base}/base/${variant}
${certificates === "cert-manager" ? "  - certificates.yaml\n" : ""}components: [../accounts]
# A registry of your own:
# images:
#   - { name: uncouple, newName: REGISTRY/uncouple }
#   - { name: nats, newName: REGISTRY/nats }
patches:
  # Old models are deleted every night; docs/operations.md ("Retention") tells which.
  - target: { kind: CronJob, name: gc }
    patch: |-
      - { op: replace, path: /spec/suspend, value: false }
${scaling(options)}${readsFile ? dataPatch("Deployment", "evaluator") : ""}`;
}

function scaling({ pipeline, namespace, autoscaler }: PipelineOptions): string {
  if (autoscaler === "none") return "";
  if (autoscaler === "hpa") {
    return `  - target: { kind: HorizontalPodAutoscaler, name: evaluator }
    patch: |-
      - { op: replace, path: /spec/metrics/0/external/metric/selector/matchLabels/pipeline, value: ${pipeline} }
`;
  }
  return `  - target: { kind: ScaledObject, name: evaluator }
    patch: |-
      - op: replace
        path: /spec/triggers/0/metadata/natsServerMonitoringEndpoint
        value: nats-headless.${namespace}:8222
      - op: replace
        path: /spec/triggers/0/metadata/stream
        value: uncouple-${pipeline}-snapshots
`;
}
