import { UncoupleError } from "../../common/errors.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import { fitEncoding } from "../../data/spill/fit-encoding.ts";
import { type StoredTable, withColumns } from "../../data/spill/stored-table.ts";
import { type Encoding, encode } from "../../data/table/encoding.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { loggedRewards } from "../../data/targets/target-column.ts";
import { ancestors } from "../../pipeline/dag.ts";
import type { Component, LoggedActions, Pipeline } from "../../pipeline/pipeline.ts";
import { type EncodedDataset, encodeRows, encodeTarget, type LoggedMatrices } from "../dataset/encoded-dataset.ts";
import type { Matrix, RowMatrix } from "../dataset/row-matrix.ts";
import type { FitContext } from "../fitting/fit-networks.ts";
import { annotatedOutput, hasLabels } from "./annotation.ts";
import type { ClassBlock } from "./class-mixture.ts";

/** The columns of an upstream output in the matrix of imputed inputs. */
export interface LabeledInput extends ClassBlock {
  /** The upstream component. */
  readonly component: string;
}

/** Training rows with annotated upstream targets. Row r of every matrix is the same audited row. */
export interface AuditSample {
  readonly rows: number;
  /** The component's own columns, encoded as in its training dataset; absent if it reads none. */
  readonly own?: Matrix;
  /** zhat, encoded as in the training dataset. */
  readonly imputed: Matrix;
  /** z in the space of zhat. */
  readonly annotated: Matrix;
  /** The imputed inputs that are probabilities while `annotated` has the label, a one-hot row. */
  readonly labeled: readonly LabeledInput[];
  /** y, encoded as in the training dataset. */
  readonly target: Matrix;
  readonly logged?: LoggedMatrices<Matrix>;
  /** The columns that the component's ancestors read, encoded. */
  readonly context: Matrix;
  /** The same columns on every training row. */
  readonly trainingContext: RowMatrix;
}

/** The data from which a source can learn the counterfactual output. */
export interface CounterfactualEvidence {
  readonly dataset: EncodedDataset;
  /** The data-generating function, if the data is synthetic. */
  readonly oracle?: CounterfactualOracle;
  /** The audit sample, or one sentence saying why none is usable. */
  readonly audit: AuditSample | { readonly missing: string };
  /** `values`: ytilde is needed at the imputed inputs only. `function`: at other points too. */
  readonly extent: "values" | "function";
  readonly fit: FitContext;
}

/** Fewer audited rows cannot identify a function of several variables. */
const MIN_AUDITED_ROWS = 20;

export interface EvidenceParts {
  readonly pipeline: Pipeline;
  readonly dataset: EncodedDataset;
  /** The training rows, restricted to the columns that the team may see. */
  readonly table: StoredTable;
  /** The audited rows: the same columns plus the annotated ones. */
  readonly audit?: Table;
  /** The predictions of the upstream snapshots on the audited rows, by output name. */
  readonly auditImputed?: Table;
  readonly oracle?: CounterfactualOracle;
  readonly extent: CounterfactualEvidence["extent"];
  readonly fit: FitContext;
}

/** Encodes the audited rows in the same way as the training rows. */
export async function gatherEvidence(parts: EvidenceParts): Promise<CounterfactualEvidence> {
  const { dataset, oracle } = parts;
  return {
    dataset,
    audit: await auditSample(parts),
    extent: parts.extent,
    fit: parts.fit,
    ...(oracle !== undefined && { oracle }),
  };
}

async function auditSample({
  pipeline,
  dataset,
  table,
  audit,
  auditImputed,
}: EvidenceParts): Promise<CounterfactualEvidence["audit"]> {
  const { component, encoding } = dataset;
  if (audit === undefined || auditImputed === undefined)
    return { missing: "the pipeline file does not define an audit sample" };
  if (audit.rows < MIN_AUDITED_ROWS) {
    return { missing: `the audit sample has ${audit.rows} rows; at least ${MIN_AUDITED_ROWS} are required` };
  }
  const annotated: Record<string, NumericColumn> = {};
  const labeled: LabeledInput[] = [];
  for (const name of component.upstream) {
    const upstream = pipeline.components.find((other) => other.name === name) as Component;
    const output = annotatedOutput(upstream, audit);
    if ("missing" in output) return output;
    annotated[upstream.output.name] = output;
    if (hasLabels(upstream, output)) labeled.push({ component: name, ...columnsOf(encoding.imputed, upstream) });
  }
  const imputedMatrix = (columns: Table["columns"]): Matrix => ({
    width: encoding.imputed.width,
    values: encode(encoding.imputed, { rows: audit.rows, columns }),
  });
  const names = ancestors(pipeline.components, component.name).flatMap(({ columns }) => columns);
  const contextEncoding = await fitEncoding(table, [...new Set(names)]);
  const contextOf = (rows: Table): Matrix => ({
    width: contextEncoding.width,
    values: encode(contextEncoding, rows),
  });
  return {
    rows: audit.rows,
    ...(dataset.own !== undefined && {
      own: { width: encoding.columns.width, values: encode(encoding.columns, audit) },
    }),
    imputed: imputedMatrix(auditImputed.columns),
    annotated: imputedMatrix(annotated),
    labeled,
    target: { width: component.output.width, values: encodeTarget(component, encoding.target, audit) },
    ...(component.logged !== undefined && { logged: loggedMatrices(component, component.logged, audit) }),
    context: contextOf(audit),
    trainingContext: await encodeRows(withColumns(table, names), contextOf),
  };
}

function loggedMatrices(component: Component, logged: LoggedActions, table: Table): LoggedMatrices<Matrix> {
  const { width } = component.output;
  const { rewards, observed, propensity } = loggedRewards(component, logged, table);
  return {
    rewards: { width, values: rewards },
    observed: { width, values: observed },
    propensity: { width: 1, values: propensity },
  };
}

function columnsOf(imputed: Encoding, { output }: Component): ClassBlock {
  let offset = 0;
  for (const column of imputed.columns) {
    if (column.kind !== "numeric") throw new UncoupleError("internal", `imputed input ${column.name} is not numeric`);
    const { name, width, mean, std } = column;
    if (name === output.name) return { offset, width, mean, std };
    offset += width;
  }
  throw new UncoupleError("internal", `${output.name} is not an imputed input`);
}
