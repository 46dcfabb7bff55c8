import { DEFAULT_GATE, type GatePolicy } from "../pipeline/gate.ts";

/** What a key under `gate` in a pipeline file does and costs, for `uncouple explain gate`. */
export interface GateKey {
  /** As the file spells it. */
  readonly key: string;
  readonly values: string;
  readonly default: string;
  readonly summary: string;
  readonly cost: string;
}

const KEYS: Readonly<Record<keyof GatePolicy, GateKey>> = {
  mode: {
    key: "mode",
    values: "observe or enforce",
    default: DEFAULT_GATE.mode,
    summary:
      "observe: the newest judged snapshots are in use, as without a gate, and every update gets the decision that enforce would have made. enforce: only what the gate or a person promotes is in use.",
    cost: "Under enforce, an update that is not shown to be good enough waits. Observe first.",
  },
  require: {
    key: "require",
    values: "improved or non-inferior",
    default: DEFAULT_GATE.require,
    summary:
      "improved: the measure must be shown to be better than the release's. non-inferior: it must be shown not to be worse by the margin.",
    cost: "improved holds updates that change nothing. non-inferior lets them pass, each worse by less than the margin; the drift criterion keeps many of them from adding up.",
  },
  measure: {
    key: "measure",
    values: "composed, audited or both",
    default: DEFAULT_GATE.measure,
    summary:
      "composed: the pipeline loss. audited: the pipeline loss where what moves reads annotated upstream outputs, so that a component which stops correcting the mistakes of another one can pass; the composed loss stays within transition_budget. both: the composed loss as required, and the audited one not inferior.",
    cost: "audited and both need annotated held-out rows (audit.held_out), at least 30 in each part.",
  },
  margin: {
    key: "margin",
    values: "0 % to 100 % of the release's loss",
    default: percentText(DEFAULT_GATE.margin),
    summary: "How much worse counts as not inferior.",
    cost: "Half the margin needs four times the rows. `uncouple gate` prints what your rows can tell apart.",
  },
  horizon: {
    key: "horizon",
    values: "1 or more questions",
    default: String(DEFAULT_GATE.horizon),
    summary:
      "How many questions the confirm rows of one generation answer, and the reserve rows after them. Each is answered at the level 0.05 / horizon. When they are spent, updates are held: new rows, the reserve, or a person helps.",
    cost: "At 200, intervals are 1.9 times as wide as at 1.",
  },
  transitionBudget: {
    key: "transition_budget",
    values: "0 % or more of the release's loss",
    default: "the margin",
    summary: "How much the composed loss may rise under measure: audited, while a pipeline moves to causal training.",
    cost: "Users feel the rise until the other components are trained again.",
  },
  guards: {
    key: "guards",
    values: "components with margins, such as { click: 1 % }",
    default: "none",
    summary: "Other components' own losses, which may not be worse by their margins either.",
    cost: "Each is one more way to be held; the level is not divided among them.",
  },
  slices: {
    key: "slices",
    values: "columns among the pipeline's slices",
    default: "none",
    summary: "No value of these columns may be degraded, on screen rows, corrected for their number.",
    cost: "Slices with few rows show no harm.",
  },
  hold: {
    key: "hold",
    values: "components",
    default: "none",
    summary: "Components that only a person promotes. They are measured all the same.",
    cost: "Sets leave them where they are.",
  },
  split: {
    key: "split",
    values: "three shares that add up to 1",
    default: `[${DEFAULT_GATE.split.join(", ")}]`,
    summary:
      "Screen, confirm and reserve rows. Groups stay whole. Everything that is published is measured on screen rows; the others answer yes or no, to the gate alone. Fixed for as long as a generation of held-out rows lasts.",
    cost: "Verdicts have fewer rows than without a gate. Each part needs at least 30 rows or groups.",
  },
  bootstrap: {
    key: "bootstrap",
    values: "person or newest",
    default: DEFAULT_GATE.bootstrap,
    summary: "Who makes the first release of a component: a person, or its first judged snapshot.",
    cost: "newest trusts a snapshot that was compared with nothing.",
  },
};

export const GATE_KEYS: readonly GateKey[] = Object.values(KEYS);

/** What holds for every gate, and the keys beside it. */
export const GATE_RULES: readonly string[] = [
  "A measurement that is missing, not finite, or of too few rows is never a pass: the update is held.",
  "A decision is about one release. When the release moves, it is void, and made again.",
  "What screen rows say about promoted versions is optimistic: they were chosen by it. Confirm rows decide, and their numbers are never shown.",
  "Sets of snapshots move together where single ones are held. A team that writes sets: false into its team file takes no part.",
  "A team that writes cotrain: true lets its trainer train on candidates that are not released, when the gate asks for it.",
  "freeze: [{ weekly: fri 16:00 - mon 08:00, reason: weekend }, { from: 2026-12-20, to: 2027-01-04T08:00Z }] in the pipeline file holds all promotions meanwhile. Times are UTC; a date is its 00:00, and the end is not part of the window.",
  "webhooks: [{ url: https://example.com/hook, on: [held, released], secret_file: hook.key }] in the pipeline file tells others. Without `on`, they hear of everything.",
];

function percentText(fraction: number): string {
  return `${100 * fraction} %`;
}
