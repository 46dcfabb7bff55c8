import { randomBytes } from "node:crypto";
import { type Clock, timestamp } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { HeldOutGeneration } from "../pipeline/generation.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Matrix } from "../verdicts/matrix.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

export interface GenerationSettings extends Pick<HeldOutGeneration, "pipeline" | "evaluator" | "pipelineDigest"> {
  /** Of this process's held-out rows, as `HeldOutGeneration` has them. */
  readonly fingerprint: string;
  readonly rows: number;
  readonly heldOutAfter?: string | undefined;
}

export interface GenerationDeps {
  readonly backplane: Pick<Backplane, "generations" | "registry">;
  readonly view: Pick<PipelineView, "catchUp" | "history">;
  readonly matrix: Pick<Matrix, "current">;
  readonly metrics: Pick<EvaluatorMetrics, "generation">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The generation of this evaluator's held-out rows, on which all of a pipeline's evaluators agree through the registry. */
export interface EvaluatorGeneration {
  /**
   * Finds the generation, or starts one if the rows differ from those of the newest: measures on them what is in use,
   * before any candidate is judged. Call it before taking announcements. Waits while the rows are refused: because they
   * belong to an earlier generation, or snapshots were trained on them.
   */
  settle(signal: AbortSignal): Promise<void>;
  /** The generation in use; undefined until `settle`. */
  current(): HeldOutGeneration | undefined;
  /** As `current`, for what happens only after `settle`. */
  settled(): HeldOutGeneration;
  /** Why the rows are refused; undefined if they are not. */
  refusal(): string | undefined;
  /**
   * Returns the generation after asking the registry whether it is still the newest.
   * @throws UncoupleError `failed-precondition` if another evaluator has started a later one
   */
  confirm(): Promise<HeldOutGeneration>;
}

/** Time between looks at the registry while the rows are refused. */
const REFUSED_MS = 10_000;

class RefusedRows extends UncoupleError {}

export function createEvaluatorGeneration(settings: GenerationSettings, deps: GenerationDeps): EvaluatorGeneration {
  const { pipeline, fingerprint, rows, heldOutAfter } = settings;
  const { backplane, view, matrix, metrics, clock, log } = deps;
  const { generations, registry } = backplane;
  let own: HeldOutGeneration | undefined;
  let refused: string | undefined;

  const refuse = (why: string) => {
    if (why !== refused) log.warn(`not ready: ${why}`);
    refused = why;
    return new RefusedRows("failed-precondition", why);
  };

  function accept(generation: HeldOutGeneration): HeldOutGeneration {
    refused = undefined;
    own = generation;
    metrics.generation(generation);
    return generation;
  }

  async function checkNewRows(newest: HeldOutGeneration): Promise<void> {
    const before = (await generations.history()).find((one) => one.fingerprint === fingerprint);
    if (before === undefined) return;
    throw refuse(
      `the held-out rows are those of generation ${before.generation}, and generation ${newest.generation} began at ${newest.startedAt}: give this evaluator the newer data`,
    );
  }

  async function checkNeverTrainedOn(): Promise<void> {
    if (heldOutAfter === undefined) return;
    // Others are never composed.
    const isComposed = ({ component, serial }: SnapshotManifest) =>
      view.history.sound(component).has(serial, Number.POSITIVE_INFINITY);
    const manifests = (await registry.list()).filter(isComposed);
    const late = manifests.find((manifest) => trainedOnHeldOut(manifest, heldOutAfter));
    if (late !== undefined) {
      throw refuse(
        `rows after ${heldOutAfter} would be held out, and ${lateText(late)}: give this evaluator newer data`,
      );
    }
    const silent = manifests.filter(({ provenance }) => provenance.data?.until === undefined);
    if (silent.length === 0) return;
    const names = silent.slice(-5).map(snapshotName).join(", ");
    log.warn(
      `${silent.length} snapshots do not say until when rows were trained on, so they may know held-out rows: ${names}`,
    );
  }

  async function start(newest: HeldOutGeneration | undefined, signal: AbortSignal): Promise<void> {
    if (newest !== undefined) await checkNewRows(newest);
    await view.catchUp(signal);
    await checkNeverTrainedOn();
    const { composition, loss } = await matrix.current();
    const generation: HeldOutGeneration = {
      version: 1,
      pipeline,
      generation: (newest?.generation ?? 0) + 1,
      fingerprint,
      rows,
      ...(heldOutAfter !== undefined && { heldOutAfter }),
      salt: newest?.salt ?? randomBytes(16).toString("base64"),
      current: composition,
      loss,
      pipelineDigest: settings.pipelineDigest,
      evaluator: settings.evaluator,
      startedAt: timestamp(clock),
    };
    // Another evaluator may have started the same one.
    if (!(await generations.start(generation))) return;
    const { salt: _, ...shown } = generation;
    log.info(shown, `held-out generation ${generation.generation} begins: ${rows} rows`);
  }

  return {
    async settle(signal) {
      for (;;) {
        const newest = await generations.current();
        if (newest?.fingerprint === fingerprint) {
          accept(newest);
          return;
        }
        try {
          await start(newest, signal);
        } catch (thrown) {
          if (!(thrown instanceof RefusedRows)) throw thrown;
          await clock.sleep(REFUSED_MS, signal);
        }
      }
    },
    current: () => own,
    settled() {
      if (own !== undefined) return own;
      throw new UncoupleError("internal", "the held-out rows have no generation yet");
    },
    refusal: () => refused,
    async confirm() {
      const newest = await generations.current();
      if (own !== undefined && newest?.fingerprint === own.fingerprint) return accept(newest);
      throw refuse(
        `held-out generation ${newest?.generation ?? "none"} is in use, and this evaluator has ${own?.generation ?? "none"}: restart it with the newer data`,
      );
    },
  };
}

/** Whether a snapshot was trained on rows that are held out. @param heldOutAfter in ISO 8601 */
export function trainedOnHeldOut({ provenance }: SnapshotManifest, heldOutAfter: string | undefined): boolean {
  const until = provenance.data?.until;
  return heldOutAfter !== undefined && until !== undefined && Date.parse(until) > Date.parse(heldOutAfter);
}

/** `click@3 was trained on rows until 2026-03-01T00:00:00.000Z` */
export function lateText(manifest: SnapshotManifest): string {
  return `${snapshotName(manifest)} was trained on rows until ${manifest.provenance.data?.until}`;
}
