import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { DEFAULT_GATE, type GatePolicy, type PartShares } from "../gate.ts";
import { parsePercent } from "../percent.ts";
import type { Pipeline } from "../pipeline.ts";
import { parseWith, strict } from "./schema.ts";
import { type Path, type Reporter, reportRepeats } from "./yaml-file.ts";

const share = z.number().gt(0).lt(1);
/** A margin: 0, or a percentage below 100 %. */
const margin = z.custom<string | 0>((value) => (fractionOf(value) ?? 1) < 1, {
  error: "must be a percentage of the release's loss, at least 0 % and less than 100 %, such as 0.5 %",
});

const gateSchema = strict({
  mode: z.enum(["observe", "enforce"]).default(DEFAULT_GATE.mode),
  require: z.enum(["improved", "non-inferior"]).default(DEFAULT_GATE.require),
  measure: z.enum(["composed", "audited", "both"]).default(DEFAULT_GATE.measure),
  margin: margin.optional(),
  horizon: z.int().min(1).max(1_000_000).default(DEFAULT_GATE.horizon),
  transition_budget: z
    .custom<string | 0>((value) => fractionOf(value) !== undefined, {
      error: "must be a percentage of the release's loss, such as 100 %",
    })
    .optional(),
  guards: z
    .record(
      z.string(),
      z.custom<string>((value) => typeof value === "string" && isBetween(parsePercent(value)), {
        error: "must be a percentage of the component's loss, greater than 0 % and less than 100 %, such as 1 %",
      }),
    )
    .default({}),
  slices: z.array(z.string()).default([]),
  hold: z.array(z.string()).default([]),
  split: z
    .tuple([share, share, share])
    .refine((shares) => Math.abs(shares[0] + shares[1] + shares[2] - 1) < 1e-9, { error: "must add up to 1" })
    .default([...DEFAULT_GATE.split]),
  bootstrap: z.enum(["person", "newest"]).default(DEFAULT_GATE.bootstrap),
});

/** What a gate is checked against: the other parts of the pipeline file, as far as they could be parsed. */
export interface GateSurroundings {
  /** Of all components in the file. */
  readonly names: readonly string[];
  readonly data: Pipeline["data"] | undefined;
  readonly objective: Pipeline["objective"] | undefined;
  readonly audit: Pipeline["audit"] | undefined;
  readonly slices: Pipeline["slices"] | undefined;
}

/** Parses the pipeline file's `gate`. @returns undefined after reporting every problem */
export function parseGate(value: unknown, around: GateSurroundings, reporter: Reporter): GatePolicy | undefined {
  const parsed = parseWith(gateSchema, value, ["gate"], reporter);
  if (parsed === undefined) return undefined;
  const { margin: written, transition_budget: budget, guards, slices, hold, split, ...rest } = parsed;
  const fraction = fractionOf(written) ?? DEFAULT_GATE.margin;
  const gate: GatePolicy = {
    ...rest,
    margin: fraction,
    transitionBudget: fractionOf(budget) ?? fraction,
    guards: Object.fromEntries(Object.entries(guards).map(([name, text]) => [name, parsePercent(text) as number])),
    slices,
    hold,
    split: split as PartShares,
  };
  checkRows(around, reporter);
  checkReferences(gate, around, reporter);
  checkMeasure(gate, around, reporter);
  return gate;
}

/** By hash, rows without a key are held out by their number, so another order of the file holds out other rows anyway. */
function checkRows({ data }: GateSurroundings, reporter: Reporter): void {
  if (
    data === undefined ||
    data.source === "synthetic" ||
    data.time === undefined ||
    data.key !== undefined ||
    data.group !== undefined
  )
    return;
  reporter.report(
    ["gate"],
    "needs data.key or data.group with a split by time, so that rows keep their part in whatever order the file has them",
  );
}

function checkReferences(gate: GatePolicy, { names, objective, slices }: GateSurroundings, reporter: Reporter): void {
  const isKnown = (name: string, path: Path): boolean => {
    if (names.includes(name)) return true;
    reporter.report(path, `unknown component "${name}"; available: ${names.join(", ")}${didYouMean(name, names)}`);
    return false;
  };
  for (const name of Object.keys(gate.guards)) {
    const path = ["gate", "guards", name];
    if (isKnown(name, path) && name === objective) {
      reporter.report(path, `${name} is the objective, whose loss is what the gate measures; remove it from guards`);
    }
  }
  gate.hold.forEach((name, index) => {
    isKnown(name, ["gate", "hold", index]);
  });
  reportRepeats(gate.hold, ["gate", "hold"], reporter);
  gate.slices.forEach((name, index) => {
    if (slices?.includes(name)) return;
    const declared = slices === undefined ? "none" : slices.join(", ");
    const hint = didYouMean(name, slices ?? []);
    reporter.report(["gate", "slices", index], `"${name}" is not among the pipeline's slices (${declared})${hint}`);
  });
  reportRepeats(gate.slices, ["gate", "slices"], reporter);
}

function checkMeasure(
  { measure, require, margin: fraction }: GatePolicy,
  around: GateSurroundings,
  reporter: Reporter,
) {
  if (measure !== "composed" && around.audit?.heldOut === undefined) {
    const what = "needs audit.held_out, the number of held-out rows with annotated outputs";
    reporter.report(["gate", "measure"], `${measure} ${what}`);
  }
  if (fraction > 0) return;
  if (require === "non-inferior" || measure === "both") {
    const why = require === "non-inferior" ? "require: non-inferior" : "measure: both";
    reporter.report(
      ["gate", "margin"],
      `must be greater than 0 % for ${why}: no update is shown to be exactly as good`,
    );
  }
}

/** 0, or a percentage as a fraction; undefined for anything else. */
function fractionOf(value: unknown): number | undefined {
  return typeof value === "string" ? parsePercent(value) : value === 0 ? 0 : undefined;
}

function isBetween(fraction: number | undefined): boolean {
  return fraction !== undefined && fraction > 0 && fraction < 1;
}
