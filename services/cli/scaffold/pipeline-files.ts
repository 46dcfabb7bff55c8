import type { NewFile } from "../files/write-all.ts";
import { namespaceYaml } from "./kubernetes-names.ts";
import { dataPatch } from "./team-files.ts";

/** What decides how many evaluators there are. */
export const AUTOSCALERS = ["keda", "hpa", "none"] as const;
export type Autoscaler = (typeof AUTOSCALERS)[number];

export interface PipelineOptions {
  readonly pipeline: string;
  readonly namespace: string;
  readonly autoscaler: Autoscaler;
  /** Whether the pipeline reads its rows from a file. */
  readonly readsFile: boolean;
  /** The pipeline file. */
  readonly text: string;
  /** The folder with the base, from the folder `platform`. */
  readonly base: string;
}

/** What a pipeline needs beside its teams: three NATS servers, evaluators, and what every namespace gets. */
export function pipelineFiles(options: PipelineOptions): readonly NewFile[] {
  return [
    { path: "shared/kustomization.yaml", content: shared(options) },
    { path: "shared/pipeline.yaml", content: options.text },
    { path: "platform/kustomization.yaml", content: platform(options) },
    { path: "platform/namespace.yaml", content: namespaceYaml(options.namespace) },
  ];
}

function shared({ pipeline, namespace }: PipelineOptions): string {
  const servers = [0, 1, 2].map((n) => `nats://nats-${n}.nats-headless.${namespace}:4222`).join(",");
  return `# What every namespace of pipeline ${pipeline} gets: the pipeline file, and where NATS is.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configMapGenerator:
  - name: pipeline
    files: [pipeline.yaml]
  - name: settings
    literals:
      - NATS_URL=${servers}
      # With accounts (\`uncouple scaffold nats\`), each namespace has its key in the Secret nats-credentials:
      # - NATS_NKEY=/var/run/uncouple/nats/user.nk
      - UNCOUPLE_PIPELINE=${pipeline}
      - REPLICAS=3
      # Newest snapshots of each component that the CronJob gc keeps.
      - GC_KEEP=20
`;
}

function platform(options: PipelineOptions): string {
  const { pipeline, namespace, autoscaler, readsFile, base } = options;
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
