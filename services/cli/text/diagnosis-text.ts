import { DIAGNOSIS_PARTS, type DiagnosisPart } from "../../learning/diagnosis/decompose.ts";
import type { UpdateDiagnosis } from "../../learning/diagnosis/diagnose-update.ts";
import type { Estimate } from "../../learning/diagnosis/resample.ts";
import type { RetrainingOutcome } from "../../learning/diagnosis/retraining.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

const MEANINGS: Readonly<Record<DiagnosisPart, { readonly better: string; readonly worse: string }>> = {
  upstream: {
    better: "the output carries more of the information that the downstream needs",
    worse: "the output carries less of the information that the downstream needs",
  },
  approximation: {
    better: "the downstream's model class makes better use of the output",
    worse: "the downstream's model class is too simple for the output",
  },
  estimation: {
    better: "the downstream needs less data and training for the output",
    worse: "the downstream has too little data or training for the output",
  },
};

const OUTCOMES: Readonly<Record<RetrainingOutcome, { readonly name: string; readonly meaning: string }>> = {
  coupled: {
    name: "coupled",
    meaning:
      "the downstream in use has learned to correct mistakes of the older snapshot; retraining it repairs the update",
  },
  "self-defeating-after-retraining": {
    name: "self-defeating after retraining",
    meaning: "retraining the downstream does not repair the update",
  },
  undecided: {
    name: "undecided",
    meaning:
      "the intervals do not tell whether retraining repairs the update; try more --seeds, and --team if it is missing",
  },
  "not-degraded": {
    name: "not degraded",
    meaning: "it is not certain that the update degrades the downstream as it is",
  },
};

export interface NamedDiagnosis extends UpdateDiagnosis {
  /** component@serial */
  readonly snapshot: string;
  readonly against: string;
}

/** What `uncouple diagnose` prints. */
export function diagnosisText(diagnosis: NamedDiagnosis, style: Style): string {
  const { snapshot, against, downstream, losses, change, parts } = diagnosis;
  return [
    ...retrainingLines(diagnosis, style),
    `${style.bold(snapshot)} instead of ${against}, with ${downstream} retrained on each: loss ${formatNumber(losses.before)} -> ${formatNumber(losses.after)}`,
    "",
    formatTable(
      [{ title: "PART" }, { title: "CHANGE", number: true }, { title: "95 % INTERVAL" }],
      [
        row("upstream error", parts.upstream),
        row("downstream approximation error", parts.approximation),
        row("downstream estimation error", parts.estimation),
        row("total", change),
      ],
      style,
    ),
    causeLine(diagnosis, style),
  ].join("\n");
}

function causeLine({ change, cause, probabilities }: UpdateDiagnosis, style: Style): string {
  if (cause !== null) return `Cause: ${style.bold(cause)}: ${MEANINGS[cause][change.value < 0 ? "better" : "worse"]}.`;
  if (change.value === 0) return "The update changes nothing for the retrained downstream.";
  const likeliest = DIAGNOSIS_PARTS.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
  return `No single part is clearly the cause; the likeliest is ${likeliest}, with a probability of ${probabilities[likeliest].toFixed(2)}.`;
}

function retrainingLines({ snapshot, against, downstream, retraining }: NamedDiagnosis, style: Style): string[] {
  if (retraining === null) return [];
  const { name, meaning } = OUTCOMES[retraining.outcome];
  return [
    `${style.bold(snapshot)}, compared with the ${downstream} in use at its verdict on ${against}: loss ${formatNumber(retraining.current)}`,
    "",
    formatTable(
      [{ title: downstream.toUpperCase() }, { title: "CHANGE", number: true }, { title: "95 % INTERVAL" }],
      [row("as it is", retraining.asItIs), row("retrained", retraining.retrained)],
      style,
    ),
    `Outcome: ${style.bold(name)}: ${meaning}.`,
    "",
  ];
}

function row(name: string, { value, interval: [low, high] }: Estimate): string[] {
  return [name, formatNumber(value), `[${formatNumber(low)}, ${formatNumber(high)}]`];
}
