import type { SearchParameters } from "../../pipeline/search.ts";
import { bestTrial, rankedTrials, type Study } from "../../pipeline/study.ts";
import { formatPrecise, formatSeconds } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** A study as `--json` prints it. */
export function studyJson(study: Study) {
  const best = bestTrial(study);
  return {
    study: study.id,
    best: best === undefined ? null : { trial: best.trial, value: best.value, parameters: best.parameters },
    trials: study.trials.map(({ trial, state, value, parameters, steps, seconds }) => ({
      trial,
      state,
      value,
      parameters,
      steps,
      seconds,
    })),
  };
}

/** `optimizer.learning_rate=0.003 model.hidden=[8,8]`. */
export function parametersText(parameters: SearchParameters): string {
  const texts = Object.entries(parameters).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return plain(texts.join(" "));
}

/** The study's trials, the best first. */
export function studyText(study: Study, style: Style, width: number): string {
  const { id, component, rows, state } = study;
  const best = bestTrial(study);
  const columns = [
    { title: "TRIAL", number: true },
    { title: "STATE" },
    { title: "LOSS", number: true },
    { title: "STEPS", number: true },
    { title: "TIME", number: true },
    { title: "PARAMETERS", wraps: true },
  ];
  const lines = rankedTrials(study).map((trial) => [
    trial.trial === best?.trial ? style.bold(`${trial.trial}`) : `${trial.trial}`,
    colored(style, trial.state),
    formatPrecise(trial.value),
    `${trial.steps}/${trial.planned}`,
    formatSeconds(trial.seconds),
    trial.error === null
      ? parametersText(trial.parameters)
      : `${parametersText(trial.parameters)}: ${plain(trial.error.message)}`,
  ]);
  const measured =
    rows === null ? "" : `, measured on ${rows.validation} of ${rows.fit + rows.validation} training rows`;
  const head = `study ${plain(id)} of ${plain(component)}: ${colored(style, state)}${measured}`;
  if (lines.length === 0) return head;
  const found =
    best === undefined
      ? "no trial is complete"
      : `best: trial ${best.trial}, loss ${style.bold(formatPrecise(best.value))}, ${parametersText(best.parameters)}`;
  return `${head}\n${formatTable(columns, lines, style, width)}\n${found}`;
}
