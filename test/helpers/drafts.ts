import type { HeldOutGeneration } from "../../services/pipeline/generation.ts";
import {
  type ModelContract,
  type Provenance,
  type SnapshotDraft,
  type SnapshotId,
  type SnapshotManifest,
  snapshotName,
} from "../../services/pipeline/manifest.ts";
import type { CandidateRun, Decision, Delivered, Order, Release, Served } from "../../services/pipeline/release.ts";
import type { Tombstone } from "../../services/pipeline/tombstone.ts";
import type { Composition, Quarantine, Verdict } from "../../services/pipeline/verdict.ts";

let runs = 0;

/** What a test wants to be different in a draft; contract and provenance keep their other fields. */
export interface DraftChange extends Partial<Omit<SnapshotDraft, "contract" | "provenance">> {
  readonly contract?: Partial<ModelContract>;
  readonly provenance?: Partial<Provenance>;
}

/** A draft that any registry takes; every call is another run unless told otherwise. */
export function draft({ contract, provenance, ...change }: DraftChange = {}): SnapshotDraft {
  return {
    pipeline: "demo",
    component: "m1",
    runId: `run-${++runs}`,
    pipelineDigest: null,
    ...change,
    contract: {
      inputs: [{ name: "x", kind: "numeric", width: 8 }],
      output: { name: "y1", kind: "numeric", width: 1 },
      ...contract,
    },
    provenance: {
      opset: 17,
      model: "linear",
      protocol: { name: "async", parameters: {} },
      optimizer: { name: "sgd", learningRate: 0.1 },
      schedule: { warmup: 0, decay: "constant" },
      batch: 32,
      steps: 100,
      seed: 7,
      upstream: {},
      data: { fingerprint: "synthetic:1", rows: 1000 },
      trainingLoss: 0.5,
      engine: "reference",
      codeVersion: "0.1.0",
      startedAt: "2026-01-01T00:00:00.000Z",
      finishedAt: "2026-01-01T00:01:00.000Z",
      ...provenance,
    },
  };
}

/** A manifest as a registry makes it of a draft. */
export function manifest(serial: number, change: DraftChange = {}): SnapshotManifest {
  return {
    ...draft(change),
    version: 2,
    serial,
    parent: serial === 1 ? null : serial - 1,
    digest: "0".repeat(64),
    size: 100,
    publishedAt: "2026-01-01T00:01:01.000Z",
  };
}

/** Bytes that differ from one seed to the next, the same for the same seed. */
export function model(seed: number, size = 64): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function verdict(component: string, serial: number, change: Partial<Verdict> = {}): Verdict {
  return {
    version: 2,
    pipeline: "demo",
    component,
    serial,
    kind: "inconclusive",
    reason: "no-current-snapshot",
    componentLoss: { current: null, candidate: 0.5 },
    componentInterval: null,
    comparison: null,
    alternatives: [],
    method: "paired-bootstrap",
    level: 0.95,
    rows: 100,
    pipelineDigest: null,
    evaluator: "evaluator-1",
    seconds: 0.1,
    judgedAt: "2026-01-01T00:02:00.000Z",
    ...change,
  };
}

export function quarantine(component: string, serial: number, change: Partial<Quarantine> = {}): Quarantine {
  return {
    version: 1,
    pipeline: "demo",
    component,
    serial,
    reason: "not-finite",
    detail: "3 of 100 rows are NaN",
    evaluator: "evaluator-1",
    judgedAt: "2026-01-01T00:02:00.000Z",
    ...change,
  };
}

/** @param number of the generation */
export function generation(number: number, change: Partial<HeldOutGeneration> = {}): HeldOutGeneration {
  return {
    version: 1,
    pipeline: "demo",
    generation: number,
    fingerprint: String(number % 10).repeat(64),
    rows: 100,
    salt: "c2FsdA==",
    current: { m1: 1 },
    loss: 0.5,
    pipelineDigest: "a".repeat(64),
    evaluator: "evaluator-1",
    startedAt: "2026-01-01T00:02:00.000Z",
    ...change,
  };
}

export function tombstone(component: string, serial: number, change: Partial<Tombstone> = {}): Tombstone {
  return {
    version: 1,
    pipeline: "demo",
    component,
    serial,
    policy: { keep: 20, champions: 10 },
    by: "evaluator-1",
    deletedAt: "2026-03-01T00:00:00.000Z",
    ...change,
  };
}

/** @param number of the release */
export function release(number: number, change: Partial<Release> = {}): Release {
  return {
    version: 1,
    entry: "release",
    pipeline: "demo",
    number,
    composition: { m1: number },
    previous: number === 1 ? null : number - 1,
    kind: "promote",
    cause: { type: "ungated" },
    pinned: [],
    gate: null,
    at: "2026-01-01T00:03:00.000Z",
    ...change,
  };
}

/** A decision of an `enforce` gate against release 1. */
export function decision(moves: Composition, change: Partial<Decision> = {}): Decision {
  return {
    version: 1,
    entry: "decision",
    pipeline: "demo",
    moves,
    release: 1,
    decision: "promoted",
    reasons: [],
    criteria: [
      {
        name: "composed",
        difference: -0.1,
        interval: [-0.15, -0.05],
        margin: 0.01,
        screened: true,
        confirmed: true,
      },
    ],
    needs: [],
    mode: "enforce",
    gate: "a".repeat(64),
    generation: 1,
    asked: { part: "confirm", question: 1 },
    by: "evaluator-1",
    seconds: 0.1,
    at: "2026-01-01T00:03:00.000Z",
    ...change,
  };
}

export function order(verb: Order["verb"], snapshots: readonly SnapshotId[], change: Partial<Order> = {}): Order {
  return {
    version: 1,
    entry: "order",
    pipeline: "demo",
    verb,
    snapshots,
    by: "ann",
    reason: null,
    at: "2026-01-01T00:03:00.000Z",
    ...change,
  };
}

/** The first request to train `m2` on `m1@2`, unless told otherwise. */
export function candidateRun(change: Partial<CandidateRun> = {}): CandidateRun {
  const { candidate, consumer, attempt } = {
    candidate: { component: "m1", serial: 2 },
    consumer: "m2",
    attempt: 1,
    ...change,
  };
  return {
    version: 1,
    entry: "candidate-run",
    pipeline: "demo",
    id: `${snapshotName(candidate)}:${consumer}:${attempt}`,
    state: "requested",
    candidate,
    consumer,
    attempt,
    release: 1,
    upstream: { [candidate.component]: candidate.serial },
    why: "it degrades the pipeline, and its own loss improved",
    at: "2026-01-01T00:03:00.000Z",
    ...change,
  };
}

/** @param number of the release */
export function served(follower: string, number: number, change: Partial<Served> = {}): Served {
  return {
    version: 1,
    entry: "served",
    pipeline: "demo",
    follower,
    release: number,
    composition: { m1: number },
    since: "2026-01-01T00:04:00.000Z",
    at: "2026-01-01T00:04:00.000Z",
    ...change,
  };
}

export function delivered(webhook: string, position: number, change: Partial<Delivered> = {}): Delivered {
  return {
    version: 1,
    entry: "delivered",
    pipeline: "demo",
    webhook,
    position,
    at: "2026-01-01T00:05:00.000Z",
    ...change,
  };
}
