import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { counterfactualValues } from "../counterfactual/counterfactual.ts";
import { type CounterfactualEvidence, gatherEvidence } from "../counterfactual/evidence.ts";
import { prepareCalibrated, prepareCounterfactual } from "../counterfactual/prepare.ts";
import { type EncodedDataset, encodeTarget, type Matrix } from "../dataset/encoded-dataset.ts";
import type { FitContext } from "../fitting/fit-networks.ts";
import { selectColumns } from "../fitting/matrices.ts";
import { inputsOf, type PreparedInputs } from "../programs/training-program.ts";
import type { ProtocolNeeds } from "../protocols/protocol.ts";
import { imputeAncestors } from "../snapshot/impute.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import { measureSupport, supportWarning } from "./support.ts";
import type { ComponentTraining } from "./training-backend.ts";
import { fitInUnits, unitPlanOf } from "./unit-training.ts";

type ImputedColumns = Readonly<Record<string, NumericColumn>>;

/** Predicts the component's upstream outputs on these rows; by output name, in the order of the pipeline file. */
export async function imputedInputs(
  { pipeline, upstream }: Pick<ComponentTraining, "pipeline" | "upstream">,
  component: Component,
  table: Table,
): Promise<ImputedColumns> {
  const outputs = await imputeAncestors(pipeline, new Set(Object.keys(upstream)), upstream, table);
  return Object.fromEntries(
    component.upstream.map((name) => {
      const { output } = pipeline.components.find((other) => other.name === name) as Component;
      return [output.name, outputs[output.name] as NumericColumn];
    }),
  );
}

/**
 * Prepares what the protocol needs on the training rows. Deterministic, so that a resumed run can repeat it.
 *
 * @throws UncoupleError `failed-precondition` if the data cannot identify what the protocol needs
 */
export async function prepareInputs(
  training: ComponentTraining,
  dataset: EncodedDataset,
  needs: ProtocolNeeds,
  imputed: ImputedColumns,
): Promise<PreparedInputs> {
  const { component } = dataset;
  const prepared: { -readonly [K in keyof PreparedInputs]: PreparedInputs[K] } = {};
  if (needs.previous) {
    if (training.previous === undefined) {
      training.onWarning?.(`${component.name} has no previous snapshot; training without the proximal term`);
    } else {
      prepared.previous = await previousOutputs(training.previous, dataset, {
        rows: dataset.rows,
        columns: { ...training.table.columns, ...imputed },
      });
    }
  }
  if (needs.counterfactual !== "none") {
    const { source } = training.team.protocol.parameters;
    const evidence = await evidenceOf(training, dataset, needs.counterfactual);
    // Long steps block this thread.
    await yieldToEventLoop();
    if (needs.counterfactual === "values") await warnOfSupport(training, evidence);
    await yieldToEventLoop();
    const counterfactual = await prepareCounterfactual(String(source), evidence, (caution) =>
      training.onWarning?.(`${component.name}: ${caution}`),
    );
    prepared.description = counterfactual.description;
    if (needs.counterfactual === "function") prepared.counterfactual = counterfactual;
    else prepared.counterfactualValues = await counterfactualValues(counterfactual, inputsOf(dataset));
  }
  if (needs.calibrated) {
    const calibrated = await prepareCalibrated(await evidenceOf(training, dataset, "values"));
    prepared.calibrated = calibrated.matrix;
    prepared.description = calibrated.description;
  }
  return prepared;
}

/** Only for protocols that train at the imputed inputs alone: those that perturb them do not need full support. */
async function warnOfSupport(training: ComponentTraining, { dataset, audit }: CounterfactualEvidence): Promise<void> {
  if (dataset.imputed === undefined) return;
  const free = freeColumns(training.pipeline, dataset.component);
  // A label does not say where the probability of a perfect upstream would lie.
  const annotated = "missing" in audit || audit.labeled.length > 0 ? undefined : selectColumns(audit.annotated, free);
  const report = await measureSupport(selectColumns(dataset.imputed, free), annotated);
  const warning = supportWarning(report);
  if (warning !== undefined) training.onWarning?.(`${dataset.component.name}: ${warning}`);
}

/** The columns of the imputed inputs that are not determined by others: probabilities sum to 1. */
function freeColumns(pipeline: Pipeline, component: Component): readonly number[] {
  let offset = 0;
  return component.upstream.flatMap((name) => {
    const { width, meaning } = componentNamed(pipeline, name).output;
    const columns = Array.from({ length: meaning === "probabilities" ? width - 1 : width }, (_, k) => offset + k);
    offset += width;
    return columns;
  });
}

/** The context in which this run fits its helper networks. */
export function fitContext(training: ComponentTraining): FitContext {
  const { engine, team, signal } = training;
  const units = unitPlanOf(training);
  return {
    engine,
    seed: team.seed,
    ...(units !== undefined && { train: fitInUnits(units) }),
    ...(signal !== undefined && { signal }),
  };
}

async function evidenceOf(
  training: ComponentTraining,
  dataset: EncodedDataset,
  extent: CounterfactualEvidence["extent"],
): Promise<CounterfactualEvidence> {
  const { pipeline, table, audit, oracle } = training;
  return gatherEvidence({
    pipeline,
    dataset,
    table,
    extent,
    fit: fitContext(training),
    ...(oracle !== undefined && { oracle }),
    ...(audit !== undefined && {
      audit,
      auditImputed: await imputedInputs(training, dataset.component, audit),
    }),
  });
}

async function previousOutputs(model: SnapshotModel, dataset: EncodedDataset, inputs: Table): Promise<Matrix> {
  const { component, encoding, rows } = dataset;
  const { width } = component.output;
  const values = await model.predict(inputs);
  if (encoding.target.kind !== "standardized") return { width, values };
  const own: Table = { rows, columns: { ...inputs.columns, [component.target]: { kind: "numeric", width, values } } };
  return { width, values: encodeTarget(component, encoding.target, own) };
}
