import { createAuditedLosses } from "../releases/audited-losses.ts";
import type { GateRows } from "../releases/gate-rows.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { type AnnotatedPart, createAnnotatedPart } from "./annotated-part.ts";
import { createModelOf } from "./create-model-of.ts";
import {
  createHeldOutLosses,
  type HeldOutLosses,
  type HeldOutLossesConfig,
  type HeldOutLossesDeps,
} from "./held-out-losses.ts";
import type { DividedRows, HeldOutPart } from "./held-out-parts.ts";

/** The parts of the held-out rows as a gate asks them. Confirm and reserve cost nothing before they are first read. */
export interface GateParts {
  readonly screen: GateRows;
  readonly confirm: GateRows;
  readonly reserve: GateRows;
  /** Of confirm and reserve rows. */
  cachedBytes(): number;
  close(): Promise<void>;
}

export interface GatePartsDeps extends Omit<HeldOutLossesDeps, "heldOut"> {
  readonly screen: HeldOutPart;
  /** Of the screen rows, which verdicts use as well. */
  readonly losses: HeldOutLosses;
  readonly annotated: AnnotatedPart | undefined;
  /** Hides keys in what decisions will show. Called while a gate decides. */
  hide(structure: RowStructure): RowStructure;
}

export function createGateParts(config: HeldOutLossesConfig, divided: DividedRows, deps: GatePartsDeps): GateParts {
  const { pipeline, maxModelBytes, outputCacheBytes } = config;
  const { split, confirm, reserve } = divided;
  const opened = new Map<HeldOutPart, { readonly rows: GateRows; readonly losses: HeldOutLosses }>();

  const rowsOf = (part: HeldOutPart, losses: HeldOutLosses, annotated: AnnotatedPart | undefined): GateRows => ({
    part: part.part,
    losses,
    get structure() {
      return deps.hide(part.structure);
    },
    audited: annotated && createAuditedLosses(annotated.rows, () => deps.hide(annotated.structure)),
  });

  function open(part: HeldOutPart, share: number): GateRows {
    const known = opened.get(part);
    if (known !== undefined) return known.rows;
    const own = { ...config, outputCacheBytes: share * outputCacheBytes };
    const losses = createHeldOutLosses(own, { ...deps, heldOut: part });
    const modelOf = createModelOf(pipeline, maxModelBytes, deps);
    const rows = rowsOf(
      part,
      losses,
      createAnnotatedPart(pipeline, part, { ...deps, modelOf }, () => {}),
    );
    opened.set(part, { rows, losses });
    return rows;
  }

  return {
    screen: rowsOf(deps.screen, deps.losses, deps.annotated),
    get confirm() {
      return open(confirm, split[1]);
    },
    get reserve() {
      return open(reserve, split[2]);
    },
    cachedBytes: () => [...opened.values()].reduce((sum, { losses }) => sum + losses.cachedBytes(), 0),
    async close() {
      await Promise.all([...opened.values()].map(({ losses }) => losses.close()));
    },
  };
}
