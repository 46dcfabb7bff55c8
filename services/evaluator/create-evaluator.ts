import { restartForever } from "../common/async/restart-forever.ts";
import { type Clock, secondsSince } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { composeLosses } from "../composition/compose-losses.ts";
import { createComposer } from "../composition/composer.ts";
import { currentComposition } from "../composition/current.ts";
import { CHAMPION } from "../composition/in-use.ts";
import { loadSnapshot } from "../composition/load-model.ts";
import { createPipelineView } from "../composition/pipeline-view.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import { type Target, targetOf } from "../data/targets/losses.ts";
import { targetColumn } from "../data/targets/target-column.ts";
import type { SnapshotContract, SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition, PipelineMatrix } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Announcement } from "../registry/registry.ts";
import type { EvaluatorStatus } from "../rpc/services/evaluator-service.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { judgeSnapshot } from "../verdicts/judgement.ts";
import { createMatrix } from "../verdicts/matrix.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import { createEvaluatorMetrics } from "./evaluator-metrics.ts";
import { createVerdictWriter } from "./verdict-writer.ts";
import { createWork } from "./work.ts";

export interface EvaluatorConfig {
  /** Which process this is, in verdicts and logs. */
  readonly name: string;
  readonly pipeline: Pipeline;
  /** Serials of each component in the matrix and among the alternatives of a verdict: the newest so many. */
  readonly retained: number;
  /** Larger models are quarantined. */
  readonly maxModelBytes: number;
  readonly outputCacheBytes: number;
  readonly modelCacheBytes: number;
}

export interface EvaluatorDeps {
  readonly backplane: Backplane;
  readonly schema: readonly ColumnSchema[];
  /** The held-out rows, with every column that a component reads or is compared with. */
  readonly heldOut: Table;
  readonly load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told when the store that everything is in was replaced, as a server does that comes back empty: only a restart helps. */
  readonly onLost: (error: UncoupleError) => void;
}

/** Judges every announced snapshot of a pipeline once, together with all other evaluators of that pipeline. */
export interface Evaluator {
  /** Begins to take announcements. */
  start(): void;
  /**
   * Takes no more announcements, and finishes the one in hand, or gives it back when `force` aborts. Calling again gives
   * the same promise.
   */
  stop(force?: AbortSignal): Promise<void>;
  /** Pipeline losses along every edge, complete for one moment. */
  matrices(): Promise<readonly PipelineMatrix[]>;
  status(): Promise<EvaluatorStatus>;
}

/** The name under which all evaluators of a pipeline share its announcements. */
const EVALUATOR_GROUP = "evaluator";

/** Too few rows to tell anything apart. */
const FEWEST_ROWS = 30;

/**
 * @throws UncoupleError `invalid-argument` for a target that does not fit its component, `failed-precondition` for too
 *   few held-out rows
 */
export function createEvaluator(config: EvaluatorConfig, deps: EvaluatorDeps): Evaluator {
  const { pipeline } = config;
  const { backplane, heldOut, clock, log } = deps;
  const { registry } = backplane;
  if (heldOut.rows < FEWEST_ROWS) {
    throw new UncoupleError(
      "failed-precondition",
      `${heldOut.rows} held-out rows: at least ${FEWEST_ROWS} are needed to compare snapshots; raise testFraction or add data`,
    );
  }
  const targets = readTargets(pipeline, deps);

  const taking = new AbortController();
  const working = new AbortController();
  const queue = backplane.workQueue(EVALUATOR_GROUP);
  const composer = createComposer(
    {
      pipeline,
      heldOut,
      outputCacheBytes: config.outputCacheBytes,
      modelCacheBytes: config.modelCacheBytes,
    },
    {
      async loadModel(component, serial) {
        const manifest = view.manifest(component.name, serial) ?? (await registry.manifest(component.name, serial));
        return loadSnapshot(pipeline, component, manifest, config.maxModelBytes, {
          ...deps,
          registry,
          signal: working.signal,
        });
      },
      onPass: (component) => metrics.passed(component),
    },
  );
  const losses = composeLosses(pipeline, composer, targets);
  const components = pipeline.components.map(({ name }) => name);
  const metrics = createEvaluatorMetrics(deps.metrics, components, {
    clock,
    pending: () => queue.pending(),
    cachedBytes: () => composer.cachedBytes(),
  });
  const trouble = (what: string, error: UncoupleError) => {
    if (error.code === "data-loss") return deps.onLost(error);
    log.warn({ error }, `${what}: ${error.message}; trying again`);
  };
  const view = createPipelineView({
    backplane,
    clock,
    onTrouble: trouble,
    onVerdict: (verdict) => metrics.losses(verdict),
  });
  const matrix = createMatrix({
    pipeline,
    losses,
    retained: (component) => view.usable(component).slice(-config.retained),
    async current() {
      const usable = {
        quarantined: view.quarantined,
        announcements: (component: string) => {
          const serials = new Set(view.usable(component));
          return view.announcements(component).filter(({ manifest }) => serials.has(manifest.serial));
        },
      };
      return currentComposition(pipeline, usable, await champions(), Number.POSITIVE_INFINITY);
    },
  });

  async function champions(): Promise<Composition> {
    const pointed: Record<string, number> = {};
    for (const { name } of pipeline.components) {
      const serial = (await registry.aliases(name))[CHAMPION];
      if (serial !== undefined) pointed[name] = serial;
    }
    return pointed;
  }

  const records = createVerdictWriter(config.name, pipeline, heldOut.rows, { ...deps, metrics, view });

  /** Judges, putting aside every snapshot that turns out to be unusable on the way; ends because each goes but once. */
  async function evaluate(announcement: Announcement): Promise<"verdict" | "quarantine"> {
    const started = clock.elapsed();
    const { position, manifest } = announcement;
    if (!pipeline.components.some(({ name }) => name === manifest.component)) {
      await records.quarantine(manifest, "wrong-output", `the pipeline file has no component ${manifest.component}`);
      return "quarantine";
    }
    await view.reaches(position, working.signal);
    const pointed = await champions();
    for (;;) {
      try {
        const judgement = await judgeSnapshot(manifest, {
          pipeline,
          losses,
          current: currentComposition(pipeline, view, pointed, position),
          alternatives: (component) =>
            view
              .announcements(component)
              .filter((other) => other.position < position && !view.quarantined(component, other.manifest.serial))
              .slice(-config.retained)
              .map((other) => other.manifest.serial),
          proven: view.proven,
          signal: working.signal,
        });
        await records.publish(manifest, judgement, secondsSince(clock, started));
        return "verdict";
      } catch (thrown) {
        if (!(thrown instanceof SnapshotFault)) throw thrown;
        await records.quarantine(thrown, thrown.reason, thrown.message);
        if (thrown.component === manifest.component && thrown.serial === manifest.serial) return "quarantine";
      }
    }
  }

  const work = createWork({
    evaluator: config.name,
    backplane,
    view,
    records,
    metrics,
    clock,
    log,
    evaluate,
    onVerdict: () => void matrix.refresh(working.signal).catch(matrixTrouble),
    signal: working.signal,
  });

  function matrixTrouble(thrown: unknown): void {
    if (!working.signal.aborted) trouble("filling the matrix", asUncoupleError(thrown));
  }

  async function takeAll(): Promise<void> {
    for await (const item of queue.items(taking.signal)) {
      inHand = true;
      await work(item);
      inHand = false;
    }
  }

  let inHand = false;
  let running: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;

  async function shutDown(force: AbortSignal | undefined): Promise<void> {
    taking.abort(new UncoupleError("cancelled", "the evaluator is stopping"));
    const cut = () => working.abort(force?.reason);
    force?.addEventListener("abort", cut);
    if (force?.aborted) cut();
    await running;
    force?.removeEventListener("abort", cut);
    working.abort(new UncoupleError("cancelled", "the evaluator has stopped"));
    await composer.close();
  }

  return {
    start() {
      const onTrouble = (error: UncoupleError) => trouble("taking announcements", error);
      const taken = restartForever({ clock, signal: taking.signal, onTrouble }, takeAll);
      // The view outlives the last item in hand, which may still wait for it.
      view.follow(working.signal).catch((thrown: unknown) => trouble("following", asUncoupleError(thrown)));
      running = taken;
    },
    stop(force) {
      stopped ??= shutDown(force);
      return stopped;
    },
    matrices: () => matrix.refresh(working.signal),
    async status() {
      const { composition, loss } = await matrix.current();
      return {
        pipeline: pipeline.name,
        evaluator: config.name,
        state: taking.signal.aborted ? "stopping" : inHand ? "evaluating" : "idle",
        pending: await queue.pending(),
        rows: heldOut.rows,
        current: composition,
        loss,
      };
    },
  };
}

function readTargets(pipeline: Pipeline, deps: EvaluatorDeps): ReadonlyMap<string, Target> {
  return new Map(
    pipeline.components.map((component) => [
      component.name,
      targetOf(component, targetColumn(component, deps.heldOut)),
    ]),
  );
}
