import { FEWEST_TRIALS, parameterImportance } from "../../learning/tuning/importance.ts";
import { bestTrial, rankedTrials, type Study, type Trial, trialHasEnded } from "../../pipeline/study.ts";
import { figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { formatPrecise, formatSeconds } from "../../report/numbers.ts";
import { importancePlot, parameterPlot, type TrialPoint, trialCurves, trialHistory } from "../../report/trial-plots.ts";
import { plannedTrials } from "../terminal/study-progress.ts";
import { parametersText } from "../text/study-text.ts";

/** Parameters with a plot of their own, the most important first; the JSON has all. */
const MOST_PARAMETERS = 12;
/** Trials with a curve, the best first: as many as there are colors. */
const MOST_CURVES = 8;
const MOST_LISTED = 50;

/** Renders a page about a study. @param footer versions and times */
export async function studyPage(study: Study, footer: string): Promise<string> {
  const { id, component, trials, rows } = study;
  const points = trials.flatMap(pointOf);
  const measured =
    rows === null
      ? ""
      : ` Values are losses on ${rows.validation.toLocaleString("en-US")} training rows; trials train on the other ${rows.fit.toLocaleString("en-US")}. Held-out rows were not read.`;
  return reportDocument({
    title: `Study ${id} of ${component}`,
    summary: `${summaryOf(study)}${measured}`,
    sections: [
      ...(points.length === 0 ? [emptySection(study)] : await plotSections(study, points)),
      trialSection(study),
      { heading: "Team file", text: "What the study started from.", body: html`<pre>${study.teamFile}</pre>` },
    ],
    footer,
    style: "pre{background:var(--soft);padding:12px;overflow-x:auto;font-size:13px}",
  });
}

function summaryOf(study: Study): string {
  const { state, trials, error } = study;
  const ended = trials.filter(trialHasEnded).length;
  const best = bestTrial(study);
  const found =
    best === undefined
      ? "No trial is complete."
      : `The best is trial ${best.trial}, ${formatPrecise(best.value)}: ${parametersText(best.parameters)}.`;
  return `The study ${error === null ? `is ${state}` : `failed: ${error.message}`}, ${ended} of ${plannedTrials(study)} trials have ended. ${found}`;
}

function pointOf({ trial, state, value }: Trial): TrialPoint[] {
  return value === null || state === "failed" || state === "waiting" ? [] : [{ trial, state, value }];
}

function emptySection({ error, waitingFor }: Study): ReportSection {
  const why = error?.message ?? (waitingFor === null ? "No trial has been measured." : `It waits for ${waitingFor}.`);
  return { heading: "History", body: html`<p>${why}</p>` };
}

async function plotSections(study: Study, points: readonly TrialPoint[]): Promise<ReportSection[]> {
  const curves = [...study.trials]
    .filter(({ measured }) => measured.length > 1)
    .sort((a, b) => (a.value ?? Number.POSITIVE_INFINITY) - (b.value ?? Number.POSITIVE_INFINITY))
    .slice(0, MOST_CURVES)
    .sort((a, b) => a.trial - b.trial);
  return [
    {
      heading: "History",
      text: "The value of each trial, in the order of the study; the line is the best so far. A pruned trial has its last measurement. The best of many looks better than it is: trust the verdict on a published snapshot.",
      body: figure(await trialHistory(points)),
    },
    ...(await importanceSections(study)),
    {
      heading: "Parameters",
      text: "The value of each trial by its setting. Trials in which a parameter is not set are left out of its plot.",
      body: html`${await parameterPlots(study)}`,
    },
    ...(curves.length === 0
      ? []
      : [
          {
            heading: "Validation loss over steps",
            text: `${curves.length === 1 ? "The trial that was" : `The ${curves.length} best trials that were`} measured more than once.`,
            body: figure(
              await trialCurves(curves.flatMap(({ trial, measured }) => measured.map((one) => ({ trial, ...one })))),
            ),
          },
        ]),
  ];
}

async function importanceSections(study: Study): Promise<ReportSection[]> {
  const importance = parameterImportance(study);
  const heading = "Importance of parameters";
  if (importance === undefined) {
    return [{ heading, body: html`<p>It needs ${FEWEST_TRIALS} measured trials.</p>` }];
  }
  return [
    {
      heading,
      text: "Share of the differences between the ranks of trials that each parameter explains by itself, less what chance explains (Kruskal and Wallis, epsilon squared). Ranks put pruned trials last, those that got further first. Parameters that matter only together have low shares.",
      body: figure(await importancePlot(importance)),
    },
  ];
}

async function parameterPlots(study: Study) {
  const known = parameterImportance(study)?.map(({ parameter }) => parameter);
  const parameters = known ?? [...new Set(study.trials.flatMap(({ parameters: set }) => Object.keys(set)))];
  return Promise.all(
    parameters.slice(0, MOST_PARAMETERS).map(async (parameter) => {
      const points = study.trials.flatMap((trial) => {
        const setting = trial.parameters[parameter];
        const shown = typeof setting === "number" || typeof setting === "string" ? setting : JSON.stringify(setting);
        return shown === undefined ? [] : pointOf(trial).map((point) => ({ ...point, setting: shown }));
      });
      return points.length === 0 ? html`` : figure(await parameterPlot(parameter, points));
    }),
  );
}

function trialSection(study: Study): ReportSection {
  const ranked = rankedTrials(study);
  const left = ranked.length - MOST_LISTED;
  return {
    heading: "Trials",
    text: `The best first.${left > 0 ? ` ${left} more are in the JSON.` : ""}`,
    body: tableHtml(
      [
        { title: "Trial", number: true },
        { title: "State" },
        { title: "Value", number: true },
        { title: "Steps", number: true },
        { title: "Time", number: true },
        { title: "Parameters" },
      ],
      ranked
        .slice(0, MOST_LISTED)
        .map(({ trial, state, value, steps, planned, seconds, parameters, error }) => [
          `${trial}`,
          state,
          formatPrecise(value),
          `${steps}/${planned}`,
          formatSeconds(seconds),
          error === null ? parametersText(parameters) : `${parametersText(parameters)}: ${error.message}`,
        ]),
    ),
  };
}
