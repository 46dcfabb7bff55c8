import { UncoupleError } from "../../common/errors.ts";
import { median } from "../../common/statistics.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { scenarioOfFlags } from "../scenario/scenario-file.ts";
import { scenarioText } from "../scenario/scenario-text.ts";
import { calibrateTruth } from "./calibrate-truth.ts";
import { measureHistory, type PipelineHistory, type UpdateEffects } from "./history.ts";

export interface CalibrateOptions {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Called with the trials that are done, and all of them. */
  onProgress(done: number, total: number): void;
}

export interface CalibratedScenario {
  /** A scenario file, with what was measured in its comments. */
  readonly text: string;
  readonly figures: {
    readonly verdicts: number;
    readonly tick: string;
    readonly measured: UpdateEffects;
    readonly simulated: UpdateEffects;
  };
}

/** Fewer have no cadence. */
const FEWEST_VERDICTS = 10;
const SHORTEST_INTERVAL = 0.01;

/**
 * Makes a scenario file of a pipeline's history: teams and edges of the pipeline, cadence and bad releases of its verdicts,
 * and the coupling and noise with which simulated updates do what the real ones did. The rest has its defaults.
 *
 * @param verdicts of the pipeline, oldest first
 * @throws UncoupleError `failed-precondition` with too few verdicts or components; as `calibrateTruth`
 */
export async function calibrateScenario(
  pipeline: Pipeline,
  verdicts: readonly Verdict[],
  { engine, signal, onProgress }: CalibrateOptions,
): Promise<CalibratedScenario> {
  const history = measureHistory(pipeline, verdicts);
  if (pipeline.components.length < 2 || verdicts.length < FEWEST_VERDICTS || history.every.size === 0) {
    throw new UncoupleError(
      "failed-precondition",
      `pipeline ${pipeline.name} has ${verdicts.length} verdicts on ${pipeline.components.length} components; calibration needs ${FEWEST_VERDICTS} on at least 2`,
    );
  }
  const scenario = calibratedHistory(pipeline, history);
  const { truth, simulated } = await calibrateTruth(scenario, history, engine, signal, onProgress);
  const { size, harmful, gap } = history;
  const measured = { size, harmful, gap };
  const comments = [
    `# Calibrated from ${verdicts.length} verdicts of the pipeline ${pipeline.name}. A tick is a ${history.tick.name}.`,
    `# Measured: ${described(measured)}.`,
    `# Simulated with this truth under async: ${described(simulated)}.`,
  ];
  const text = `${comments.join("\n")}\n${scenarioText({ ...scenario, truth })}`;
  return { text, figures: { verdicts: verdicts.length, tick: history.tick.name, measured, simulated } };
}

/** The scenario that a history tells, with the default truth. */
export function calibratedHistory(pipeline: Pipeline, history: PipelineHistory): Scenario {
  const rounded = (value: number) => Math.max(SHORTEST_INTERVAL, Number(value.toPrecision(3)));
  return scenarioOfFlags({
    scenario: pipeline.name,
    teams: Object.fromEntries(
      pipeline.components.map(({ name }) => {
        const every = history.every.get(name);
        return [name, every === undefined ? {} : { every: rounded(every) }];
      }),
    ),
    edges: Object.fromEntries(
      pipeline.components.flatMap(({ name, upstream }) => (upstream.length === 0 ? [] : [[name, upstream]])),
    ),
    cadence: { kind: history.cadence, every: rounded(median([...history.every.values()])) },
    events: { bad_release: Number(history.badReleases.toPrecision(3)) },
  });
}

function described({ size, harmful, gap }: UpdateEffects): string {
  const percent = (value: number | null) => (value === null ? "unknown" : `${(100 * value).toPrecision(3)} %`);
  return `median change of the pipeline loss ${percent(size)}, ${percent(harmful)} of the updates that improve their own loss raise it, consistency gap ${percent(gap)} of the loss`;
}
