import { yieldToEventLoop } from "../../common/async/yield.ts";
import { joinTables, type StoredTable, withColumns } from "../../data/spill/stored-table.ts";
import type { Table } from "../../data/table/table.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { counterfactualValues } from "../counterfactual/counterfactual.ts";
import { type CounterfactualEvidence, gatherEvidence } from "../counterfactual/evidence.ts";
import { prepareCalibrated, prepareCounterfactual } from "../counterfactual/prepare.ts";
import { type EncodedDataset, encodeRows, encodeTarget } from "../dataset/encoded-dataset.ts";
import { mapRows, type RowMatrix } from "../dataset/row-matrix.ts";
import type { FitContext } from "../fitting/fit-networks.ts";
import { selectColumns } from "../fitting/matrices.ts";
import { inputsOf, type PreparedInputs } from "../programs/training-program.ts";
import type { ProtocolNeeds } from "../protocols/protocol.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import { imputedInputs } from "./imputed-inputs.ts";
import { measureSupport, supportWarning } from "./support.ts";
import type { ComponentTraining } from "./training-backend.ts";
import { fitInUnits, unitPlanOf } from "./unit-training.ts";

/**
 * Prepares what the protocol needs on the training rows. Deterministic, so that a resumed run can repeat it.
 *
 * @throws UncoupleError `failed-precondition` if the data cannot identify what the protocol needs
 */
export async function prepareInputs(
  training: ComponentTraining,
  dataset: EncodedDataset,
  needs: ProtocolNeeds,
  imputed: StoredTable,
): Promise<PreparedInputs> {
  const { component } = dataset;
  const prepared: { -readonly [K in keyof PreparedInputs]: PreparedInputs[K] } = {};
  if (needs.previous) {
    if (training.previous === undefined) {
      training.onWarning?.(`${component.name} has no previous snapshot; training without the proximal term`);
    } else {
      const read = [...component.columns, ...Object.keys(imputed.columns)];
      const inputs = withColumns(joinTables(training.table, imputed), read);
      prepared.previous = await previousOutputs(training.previous, dataset, inputs);
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
  const imputed = await mapRows([dataset.imputed], ([block]) => selectColumns(block, free));
  const report = await measureSupport(imputed, annotated);
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

function previousOutputs(model: SnapshotModel, dataset: EncodedDataset, inputs: StoredTable): Promise<RowMatrix> {
  const { component, encoding } = dataset;
  const { width } = component.output;
  return encodeRows(inputs, async (block) => {
    const values = await model.predict(block);
    if (encoding.target.kind !== "standardized") return { width, values };
    const predicted: Table = { rows: block.rows, columns: { [component.target]: { kind: "numeric", width, values } } };
    return { width, values: encodeTarget(component, encoding.target, predicted) };
  });
}
