import { createHash } from "node:crypto";
import { asUncoupleError } from "../common/errors.ts";
import type { FolderContent } from "../common/files/immutable-folder.ts";
import { inspectModel } from "../learning/snapshot/inspection/inspect-model.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Release } from "../pipeline/release.ts";
import { composeGraph, NotComposable } from "./compose-graph.ts";
import type { PipelineShape } from "./pipeline-shape.ts";
import { ensembleConfig, ensembleName, modelConfig } from "./triton-config.ts";

/** The file that lists all others of a release's folder. */
export const RELEASE_FILE = "release.json";

/** What `release.json` says. Readers ignore fields that they do not know. */
export interface ReleaseFile extends Pick<Release, "pipeline" | "number" | "composition" | "kind" | "cause" | "at"> {
  readonly version: 1;
  /** SHA-256 of the pipeline file whose edges connect the models; null if none was applied. */
  readonly pipelineDigest: string | null;
  /** Of all other files: path in the folder to size in bytes and SHA-256 in lowercase hex. */
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
  /** The pipeline as one ONNX graph, or why there is none. */
  readonly graph: { readonly file: string } | { readonly why: string };
  /** The model of a Triton ensemble, or why there is none. */
  readonly ensemble: { readonly model: string } | { readonly why: string };
}

/** The models of a release. */
export interface ReleaseModels {
  readonly release: Release;
  readonly shape: PipelineShape | undefined;
  readonly pipelineDigest: string | null;
  readonly manifests: ReadonlyMap<string, SnapshotManifest>;
  /** Verified bytes by component. */
  readonly models: ReadonlyMap<string, Uint8Array>;
}

/** The path of a component's model in the folder of a release. */
export function modelFile(component: string): string {
  return `models/${component}.onnx`;
}

/** Everything in the folder of a release. The same release has the same files. */
export function releaseFiles({ release, shape, pipelineDigest, manifests, models }: ReleaseModels): FolderContent {
  const content = new Map<string, Uint8Array | string>();
  for (const [component, manifest] of manifests) {
    const bytes = models.get(component) as Uint8Array;
    content.set(modelFile(component), bytes);
    content.set(`manifests/${component}.json`, json(manifest));
    content.set(`triton/${component}/config.pbtxt`, modelConfig(manifest));
    content.set(`triton/${component}/1/model.onnx`, bytes);
  }
  const composed = shape ?? "the registry has no pipeline file that says which model reads which";
  const graph = attempt(composed, (of) => {
    for (const bytes of models.values()) inspectModel(bytes);
    content.set("pipeline.onnx", composeGraph(of, models));
    return { file: "pipeline.onnx" };
  });
  const ensemble = attempt(composed, (of) => {
    const model = ensembleName(of.name);
    content.set(`triton/${model}/config.pbtxt`, ensembleConfig(of, manifests));
    // Triton needs the folder of a version, which holds nothing.
    content.set(`triton/${model}/1/`, "");
    return { model };
  });
  const { pipeline, number, composition, kind, cause, at } = release;
  const listed = [...content].filter(([path]) => !path.endsWith("/"));
  const file: ReleaseFile = {
    version: 1,
    ...{ pipeline, number, composition, kind, cause, at, pipelineDigest, graph, ensemble },
    files: Object.fromEntries(
      listed.map(([path, bytes]) => [path, { size: Buffer.byteLength(bytes), sha256: sha(bytes) }]),
    ),
  };
  return content.set(RELEASE_FILE, json(file));
}

function attempt<T>(shape: PipelineShape | string, make: (shape: PipelineShape) => T): T | { readonly why: string } {
  if (typeof shape === "string") return { why: shape };
  try {
    return make(shape);
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    // A model that the inspection refuses is an invalid argument.
    if (thrown instanceof NotComposable || code === "invalid-argument") return { why: message };
    throw thrown;
  }
}

function sha(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
