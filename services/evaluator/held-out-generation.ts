import { randomBytes } from "node:crypto";
import { type Clock, timestamp } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { PartShares } from "../pipeline/gate.ts";
import type { HeldOutGeneration } from "../pipeline/generation.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Matrix } from "../verdicts/matrix.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";
import { isSameSplit } from "./held-out-parts.ts";

export interface GenerationSettings extends Pick<HeldOutGeneration, "pipeline" | "evaluator" | "pipelineDigest"> {
  /** Of this process's held-out rows, as `HeldOutGeneration` has them. */
  readonly fingerprint: string;
  readonly rows: number;
  readonly heldOutAfter?: string | undefined;
  /** How this process has divided the rows. */
  readonly split?: PartShares | undefined;
}

export interface GenerationDeps {
  readonly backplane: Pick<Backplane, "generations" | "registry">;
  readonly view: Pick<PipelineView, "catchUp" | "history">;
  readonly matrix: Pick<Matrix, "current">;
  /** Of the verdicts that `view` has noted. */
  readonly questions: Pick<QuestionCount, "of">;
  readonly metrics: Pick<EvaluatorMetrics, "generation">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The generation of this evaluator's held-out rows, on which all of a pipeline's evaluators agree through the registry. */
export interface EvaluatorGeneration {
  /**
   * Finds the generation, or starts one if the rows differ from those of the newest, or are divided for the first time:
   * measures on them what is in use, before any candidate is judged. Call it before taking announcements. Waits while the
   * rows are refused: because they belong to an earlier generation or are divided otherwise, or snapshots were trained on them.
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
  const { pipeline, fingerprint, rows, heldOutAfter, split } = settings;
  const { backplane, view, matrix, questions, metrics, clock, log } = deps;
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

  const isOwn = (generation: HeldOutGeneration | undefined) =>
    generation?.fingerprint === fingerprint && isSameSplit(generation.split, split);

  /** The same rows begin a generation once: when they are divided for the first time. */
  async function checkNewRows(newest: HeldOutGeneration): Promise<void> {
    if (newest.fingerprint === fingerprint) {
      if (newest.split === undefined) return;
      throw refuse(`generation ${newest.generation} divides the held-out rows otherwise: restart this evaluator`);
    }
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

  /** Their verdicts have been published, so a gate's first decisions are not about unseen rows. */
  async function tellSeenRows(): Promise<void> {
    const same = (await generations.history()).filter((one) => one.fingerprint === fingerprint);
    const verdicts = same.reduce((sum, { generation }) => sum + questions.of(generation), 0);
    log.warn(
      { verdicts },
      `the held-out rows are divided for a gate from now on; ${verdicts} verdicts were given on all of them before`,
    );
  }

  async function start(newest: HeldOutGeneration | undefined, signal: AbortSignal): Promise<void> {
    if (newest !== undefined) await checkNewRows(newest);
    await view.catchUp(signal);
    await checkNeverTrainedOn();
    if (newest?.fingerprint === fingerprint) await tellSeenRows();
    const { composition, loss } = await matrix.current();
    const generation: HeldOutGeneration = {
      version: 1,
      pipeline,
      generation: (newest?.generation ?? 0) + 1,
      fingerprint,
      rows,
      ...(split !== undefined && { split }),
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
        if (newest !== undefined && isOwn(newest)) {
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
      if (own !== undefined && newest !== undefined && isOwn(newest)) return accept(newest);
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
