import { asUncoupleError, type ErrorCode, type UncoupleError } from "../common/errors.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import type { HostedModel } from "../inference/inference.ts";
import { snapshotContract } from "../learning/snapshot/snapshot-contract.ts";
import { type SnapshotManifest, snapshotName, type TensorSpec } from "../pipeline/manifest.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import type { QuarantineReason } from "../pipeline/verdict.ts";
import type { Registry } from "../registry/registry.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";

export interface ModelReaderDeps {
  readonly registry: Pick<Registry, "bytes">;
  readonly schema: readonly ColumnSchema[];
  /** Aborts reading, which otherwise waits through outages. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Validates a snapshot's manifest against the pipeline file, and describes its model to the hosts, which read it when they
 * need it. Evaluators and trainers use the same rules; `createLoadModel` translates the faults for trainers.
 *
 * @param maxBytes the largest model that is read
 * @throws SnapshotFault for faults of the snapshot, with the underlying error as its cause; so does `HostedModel.bytes`,
 *   and UncoupleError (`unavailable` and others) for infrastructure failures
 */
export function hostedSnapshot(
  pipeline: Pipeline,
  component: Component,
  manifest: SnapshotManifest,
  maxBytes: number,
  deps: ModelReaderDeps,
): HostedModel {
  const contract = snapshotContract(pipeline, component, deps.schema);
  if (manifest.size > maxBytes) {
    throw new SnapshotFault(
      manifest,
      "oversized",
      `its model has ${manifest.size} bytes, and this evaluator loads at most ${maxBytes}`,
    );
  }
  const inputFault = differenceOf(manifest.contract.inputs, contract.inputs);
  if (inputFault !== undefined) throw new SnapshotFault(manifest, "wrong-inputs", inputFault);
  const outputFault = differenceOf([manifest.contract.output], [contract.output]);
  if (outputFault !== undefined) throw new SnapshotFault(manifest, "wrong-output", outputFault);
  const { digest, size } = manifest;
  return {
    name: snapshotName(manifest),
    digest,
    contract,
    size,
    bytes: () => readBytes(deps.registry, manifest, deps.signal),
  };
}

/** Whether an error has a cause outside the snapshot, so that retrying later can help. */
export function isInfrastructureFailure(code: ErrorCode): boolean {
  switch (code) {
    case "unavailable":
    case "deadline-exceeded":
    case "cancelled":
    case "resource-exhausted":
    case "failed-precondition":
    case "deleted":
    case "unauthenticated":
      return true;
    case "invalid-argument":
    case "not-found":
    case "conflict":
    case "data-loss":
    case "internal":
      return false;
  }
}

async function readBytes(
  registry: Pick<Registry, "bytes">,
  manifest: SnapshotManifest,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const fault = (reason: QuarantineReason, cause: UncoupleError) =>
    new SnapshotFault(manifest, reason, cause.message, undefined, { cause });
  try {
    return await registry.bytes(manifest, signal);
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    // Announced bytes are guaranteed to be complete: if they are damaged now, they stay damaged.
    if (error.code === "data-loss" || error.code === "not-found") {
      throw fault("digest-mismatch", error);
    }
    // The registry has its own size limit for reading.
    if (error.code === "resource-exhausted") throw fault("oversized", error);
    throw error;
  }
}

/** Describes the first tensor that differs from the contract; the order does not matter. */
function differenceOf(actual: readonly TensorSpec[], expected: readonly TensorSpec[]): string | undefined {
  for (const { name, kind, width } of expected) {
    const found = actual.find((candidate) => candidate.name === name);
    if (found === undefined) return `${name} is missing: the pipeline file asks for ${name} (${kind}, width ${width})`;
    if (found.kind !== kind || found.width !== width) {
      return `${name} is ${found.kind} of width ${found.width}: the pipeline file asks for ${kind} of width ${width}`;
    }
  }
  const extra = actual.find((candidate) => !expected.some(({ name }) => name === candidate.name));
  return extra === undefined ? undefined : `${extra.name} is not in the pipeline file`;
}
