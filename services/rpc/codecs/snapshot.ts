import { parseManifest } from "../../pipeline/documents/manifest-schema.ts";
import type { SnapshotManifest, TensorSpec, UnreadableSnapshot } from "../../pipeline/manifest.ts";
import type {
  SnapshotManifest as ManifestMessage,
  SnapshotManifest__Output,
} from "../gen/uncouple/v1/SnapshotManifest.ts";
import type { SnapshotPart__Output } from "../gen/uncouple/v1/SnapshotPart.ts";
import type { TensorKind__Output } from "../gen/uncouple/v1/TensorKind.ts";
import type { TensorSpec as TensorMessage, TensorSpec__Output } from "../gen/uncouple/v1/TensorSpec.ts";
import type {
  UnreadableSnapshot as UnreadableMessage,
  UnreadableSnapshot__Output,
} from "../gen/uncouple/v1/UnreadableSnapshot.ts";
import { closedSet } from "./closed-set.ts";
import { parseJson } from "./documents.ts";
import { decodeUint64, optional, required, same, uint32 } from "./fields.ts";
import { decodeStruct, encodeStruct } from "./struct.ts";

const kinds = closedSet<TensorSpec["kind"], TensorKind__Output>("tensor kind", {
  numeric: "TENSOR_KIND_NUMERIC",
  categorical: "TENSOR_KIND_CATEGORICAL",
});

export function encodeManifest(manifest: SnapshotManifest): ManifestMessage {
  const { inputs, output } = manifest.contract;
  return {
    pipeline: manifest.pipeline,
    component: manifest.component,
    serial: uint32(manifest.serial, "serial"),
    ...optional("parent", manifest.parent, (parent) => uint32(parent, "parent")),
    runId: manifest.runId,
    publishedAt: manifest.publishedAt,
    digest: manifest.digest,
    size: String(manifest.size),
    contract: { inputs: inputs.map(encodeTensor), output: encodeTensor(output) },
    ...optional("pipelineDigest", manifest.pipelineDigest, same),
    provenance: encodeStruct(manifest.provenance),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeManifest(message: SnapshotManifest__Output): SnapshotManifest {
  const contract = required(message.contract, "contract", "data-loss");
  return parseManifest({
    version: 2,
    pipeline: message.pipeline,
    component: message.component,
    serial: message.serial,
    parent: message.parent ?? null,
    runId: message.runId,
    publishedAt: message.publishedAt,
    digest: message.digest,
    size: decodeUint64("size", message.size, "data-loss"),
    contract: {
      inputs: contract.inputs.map(decodeTensor),
      output: decodeTensor(required(contract.output, "output", "data-loss")),
    },
    pipelineDigest: message.pipelineDigest ?? null,
    provenance: message.provenance === null ? {} : decodeStruct(message.provenance),
  });
}

/** The manifest of a part, if that is what the part has. Trainers of version 0.1.0 send it as JSON. */
export function manifestOfPart(part: SnapshotPart__Output): SnapshotManifest | undefined {
  if (part.snapshot) return decodeManifest(part.snapshot);
  return part.manifest === undefined ? undefined : parseManifest(parseJson(part.manifest, "manifest"));
}

function encodeTensor({ name, kind, width }: TensorSpec): TensorMessage {
  return { name, kind: kinds.encode(kind), width: uint32(width, "width") };
}

function decodeTensor({ name, kind, width }: TensorSpec__Output): TensorSpec {
  return { name, kind: kinds.decode(kind), width };
}

export function encodeUnreadable(snapshot: UnreadableSnapshot): UnreadableMessage {
  return { ...snapshot, serial: uint32(snapshot.serial, "serial"), position: String(snapshot.position) };
}

/** @throws UncoupleError `data-loss` */
export function decodeUnreadable(message: UnreadableSnapshot__Output): UnreadableSnapshot {
  const { component, serial, reason } = message;
  return { component, serial, position: decodeUint64("position", message.position, "data-loss"), reason };
}
