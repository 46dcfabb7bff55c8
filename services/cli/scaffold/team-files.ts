import type { NewFile } from "../files/write-all.ts";
import { type Certificates, certificatesYaml, teamCertificates } from "./certificates.ts";
import { namespaceYaml } from "./kubernetes-names.ts";

export interface TeamOptions {
  readonly pipeline: string;
  readonly component: string;
  readonly namespace: string;
  /** GPUs of the team; 0 for none. */
  readonly gpus: number;
  /** Largest number of workers; 0 for none. */
  readonly workers: number;
  readonly certificates: Certificates;
  /** Whether the pipeline reads its rows from a file. */
  readonly readsFile: boolean;
  /** The folder with the base, from the team's folder. */
  readonly base: string;
}

/** The thin overlay of a team, relative to its folder. */
export function teamFiles(options: TeamOptions): readonly NewFile[] {
  const { component, namespace, workers, certificates } = options;
  const needs = teamCertificates(component, namespace, workers);
  return [
    { path: "kustomization.yaml", content: kustomization(options) },
    { path: "namespace.yaml", content: namespaceYaml(namespace) },
    { path: "quota.yaml", content: quota(options) },
    { path: "team.yaml", content: teamFile(options) },
    ...(certificates === "cert-manager"
      ? [{ path: "certificates.yaml", content: certificatesYaml(needs, `-${component}`) }]
      : []),
  ];
}

/** One GPU goes to the trainer unless there are workers; more go to workers, one each. */
export function variantOf({ gpus, workers }: Pick<TeamOptions, "gpus" | "workers">): string {
  if (workers > 0) return gpus > 0 ? "team-gpu-workers" : "team-workers";
  return gpus > 0 ? "team-gpu" : "team";
}

function kustomization(options: TeamOptions): string {
  const { pipeline, component, namespace, workers, certificates, readsFile, base } = options;
  const patches = [
    ...(readsFile ? [dataPatch("StatefulSet", "trainer")] : []),
    ...(workers > 0 ? [scaling(options)] : []),
  ];
  return `# The team of ${component} in pipeline ${pipeline}. Written by \`uncouple scaffold team\`; change it as you like.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ${namespace}
nameSuffix: -${component}
resources:
  - namespace.yaml
  - quota.yaml
  - ../../shared
  - ${base}/base/${variantOf(options)} # to upgrade, change the version
${certificates === "cert-manager" ? "  - certificates.yaml\n" : ""}labels:
  - pairs: { app.kubernetes.io/instance: ${component} }
    includeSelectors: true
${
  workers > 0
    ? `  # Where Kueue runs, the queue that admits the workers:
  # - pairs: { kueue.x-k8s.io/queue-name: ${component} }
  #   includeTemplates: true
`
    : ""
}configMapGenerator:
  - name: team
    files: [team.yaml]
# A registry of your own:
# images:
#   - { name: uncouple, newName: REGISTRY/uncouple }
${patches.length === 0 ? "" : `patches:\n${patches.join("")}`}`;
}

/** Mounts a volume claim `data` in place of the empty folder /data. */
export function dataPatch(kind: "StatefulSet" | "Deployment", name: string): string {
  return `  # The rows of the pipeline file, below /data.
  - patch: |-
      apiVersion: apps/v1
      kind: ${kind}
      metadata: { name: ${name} }
      spec:
        template:
          spec:
            volumes:
              - name: data
                emptyDir: null
                persistentVolumeClaim: { claimName: data, readOnly: true }
`;
}

function scaling({ pipeline, component, workers }: TeamOptions): string {
  return `  - target: { kind: ScaledObject, name: worker }
    patch: |-
      - { op: replace, path: /spec/maxReplicaCount, value: ${workers} }
      - op: replace
        path: /spec/triggers/0/metadata/query
        value: sum(uncouple_worker_units_waiting{pipeline="${pipeline}",component="${component}"})
`;
}

/** Room for the trainer and its workers, and for a second of each during an update. */
function quota({ gpus, workers }: TeamOptions): string {
  const onGpu = gpus > 0;
  // With the container that runs models from the store.
  const trainer = onGpu && workers === 0 ? { cpu: 3, memory: 5, limit: 19 } : { cpu: 1, memory: 1, limit: 5 };
  const worker = onGpu ? { cpu: 2, memory: 4, limit: 16 } : { cpu: 1, memory: 1, limit: 2 };
  const sum = (key: "cpu" | "memory" | "limit") => trainer[key] + (workers === 0 ? 0 : workers + 1) * worker[key];
  return `# What the team may use at most.
apiVersion: v1
kind: ResourceQuota
metadata:
  name: team
spec:
  hard:
    pods: "${workers + 8}"
    persistentvolumeclaims: "4"
    requests.cpu: "${sum("cpu")}"
    requests.memory: ${sum("memory")}Gi
    limits.memory: ${sum("limit")}Gi
    requests.storage: 20Gi
    requests.nvidia.com/gpu: "${gpus}"
`;
}

function teamFile({ component, workers }: TeamOptions): string {
  return `# How the team trains ${component}; docs/pipeline-file.md ("Every key") has all that can be here, for example
# \`search\` for \`uncouple tune\` (docs/tuning.md), \`tests\` of the model (docs/model-tests.md) and \`sample\`, which trains
# on fewer rows (docs/data.md). Check it with \`uncouple validate\`.
component: ${component}
model: { hidden: [32] }
${workers > 0 ? `workers: { slots: ${workers} }\n` : ""}`;
}
