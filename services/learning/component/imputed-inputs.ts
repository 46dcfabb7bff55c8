import { isSpilled, type StoredTable, tableBlocks, withColumns } from "../../data/spill/stored-table.ts";
import { spillTable } from "../../data/spill/table-spill.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { ancestors, componentNamed } from "../../pipeline/dag.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import { imputeAncestors } from "../snapshot/impute.ts";
import type { ComponentTraining } from "./training-backend.ts";

/**
 * Predicts the component's upstream outputs on these rows; by output name, in the order of the pipeline file. In memory if the
 * table is, otherwise block by block into files beside it.
 */
export function imputedInputs(
  source: Pick<ComponentTraining, "pipeline" | "upstream">,
  component: Component,
  table: Table,
): Promise<Table>;
export function imputedInputs(
  source: Pick<ComponentTraining, "pipeline" | "upstream">,
  component: Component,
  table: StoredTable,
): Promise<StoredTable>;
export async function imputedInputs(
  { pipeline, upstream }: Pick<ComponentTraining, "pipeline" | "upstream">,
  component: Component,
  table: StoredTable,
): Promise<StoredTable> {
  const names = component.upstream.map((name) => componentNamed(pipeline, name).output.name);
  const impute = async (rows: Table): Promise<Table> => {
    const outputs = await imputeAncestors(pipeline, new Set(Object.keys(upstream)), upstream, rows);
    const columns = Object.fromEntries(names.map((name) => [name, outputs[name] as NumericColumn]));
    return { rows: rows.rows, columns };
  };
  if (!isSpilled(table)) return impute(table);
  if (names.length === 0) return { rows: table.rows, columns: {} };
  const read = ancestors(pipeline.components, component.name).flatMap(({ columns }) => columns);
  return spillTable(table.folder, names, {}, async function* () {
    for await (const block of tableBlocks(withColumns(table, read))) {
      const { columns } = await impute(block);
      yield names.map((name) => columns[name] as NumericColumn);
    }
  });
}
