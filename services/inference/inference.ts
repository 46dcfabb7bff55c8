import { UncoupleError } from "../common/errors.ts";
import type { Column } from "../data/table/table.ts";
import { ModelFault } from "../learning/snapshot/faults/model-fault.ts";
import type { SnapshotContract } from "../learning/snapshot/snapshot-model.ts";
import type { OutputSpec } from "../pipeline/pipeline.ts";

/** A model of the store, of which nothing has run yet. */
export interface HostedModel {
  /** For messages: a snapshot such as `m1@3`, or a file. */
  readonly name: string;
  /** SHA-256 of the bytes, in hex. */
  readonly digest: string;
  readonly contract: SnapshotContract;
  /** Number of bytes. */
  readonly size: number;
  /** Reads the bytes; called only if the host may not have the model. Its errors end the call unchanged. */
  bytes(): Promise<Uint8Array>;
}

/** What an input of a stage reads: a column of the caller, or the output of an earlier stage. */
export type StageInput = { readonly column: Column } | { readonly stage: number };

/** One model of a composition, and what it reads. */
export interface Stage {
  readonly model: HostedModel;
  /** By the name of the model's input. */
  readonly inputs: Readonly<Record<string, StageInput>>;
  /** Checks that the output is finite, and that it is probabilities where this declares them. Absent: only its shape. */
  readonly output?: OutputSpec;
}

/** Models to run over the same rows. */
export interface InferencePlan {
  readonly rows: number;
  /** Each after the stages that it reads. */
  readonly stages: readonly Stage[];
  /** The stages whose outputs to return. With none, every stage's model is loaded and checked, and nothing runs. */
  readonly wanted: readonly number[];
  /** Whether the host keeps columns and outputs for later calls. Columns are told apart by identity. */
  readonly keep: boolean;
  /**
   * How many fresh hosts a model may kill before that counts as its fault; defaults to 1. With 0, the call ends with its host,
   * fresh or not, and proves nothing.
   */
  readonly deaths?: number;
}

/** Memory that hosts use for later calls. */
export interface HeldBytes {
  readonly columns: number;
  readonly outputs: number;
  readonly models: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for each stage that ran, in order; those whose output a host still had did not. */
  onPass?(stage: number): void;
}

/** Runs graphs from the store, outside of this process. */
export interface Inference {
  /**
   * @returns the outputs of the wanted stages, [rows * width] each
   * @throws StageFault naming the stage whose model is at fault; `unavailable` if no host can be reached; what
   *   `HostedModel.bytes` throws
   */
  run(plan: InferencePlan, options?: RunOptions): Promise<readonly Float32Array[]>;
  heldBytes(): HeldBytes;
  close(): Promise<void>;
}

/** A fault of the model of one stage. Its cause is the fault as the host found it, or an `InferenceDeath`. */
export class StageFault extends ModelFault {
  readonly stage: number;
  /** Whether the model had been loaded, so that the fault may depend on what it read. */
  readonly loaded: boolean;

  constructor(stage: number, loaded: boolean, fault: ModelFault) {
    super(fault.reason, fault.message, { cause: fault });
    this.name = "StageFault";
    this.stage = stage;
    this.loaded = loaded;
  }
}

/** How a model ended the host that ran it. */
export const DEATH_CAUSES = ["deadline", "memory", "crash"] as const;
export type DeathCause = (typeof DEATH_CAUSES)[number];

/** A model that killed its host, while it alone ran in it. */
export class InferenceDeath extends ModelFault {
  readonly death: DeathCause;

  /** @param detail what happened, without the model's name */
  constructor(death: DeathCause, detail: string) {
    super(death === "crash" ? "evaluation-failed" : "too-expensive", detail);
    this.name = "InferenceDeath";
    this.death = death;
  }
}

/** No host can be started or reached. */
export function hostUnavailable(message: string, cause?: unknown): UncoupleError {
  return new UncoupleError("unavailable", message, { cause });
}
