import type { Column } from "../table/table.ts";
import { type SpillWriter, writeSpill } from "./spill-file.ts";
import { spillPath } from "./spill-folder.ts";
import type { SpilledColumn, SpilledTable, StoredTable } from "./stored-table.ts";

/** Writes a table to files, a part of the rows at a time. */
export interface TableSpill {
  /** @param columns in the order of the names; codes of text columns refer to the dictionary that `finish` gets */
  append(columns: readonly Column[]): Promise<void>;
  /** @param dictionaries of the text columns, by name, as they are in the end */
  finish(dictionaries: Dictionaries): Promise<SpilledTable>;
  /** Closes the files of a table that will not be finished. */
  abandon(): Promise<void>;
}

export type Dictionaries = Readonly<Record<string, readonly string[]>>;

/** @throws UncoupleError as `writeSpill`, here and later */
export async function createTableSpill(folder: string, names: readonly string[]): Promise<TableSpill> {
  const paths = names.map(() => spillPath(folder));
  const writers: SpillWriter[] = [];
  const close = async () => {
    for (const writer of writers) await writer.finish();
  };
  try {
    for (const path of paths) writers.push(await writeSpill(path));
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const shapes: { kind: Column["kind"]; width: number }[] = [];
  let rows = 0;
  return {
    async append(columns) {
      for (const [index, column] of columns.entries()) {
        const values = column.kind === "numeric" ? column.values : column.codes;
        shapes[index] = column;
        await (writers[index] as SpillWriter).append(values);
        if (index === 0) rows += values.length / column.width;
      }
    },
    async finish(dictionaries) {
      await close();
      const columns = names.map((name, index): [string, SpilledColumn] => {
        const { kind, width } = shapes[index] as { kind: Column["kind"]; width: number };
        const path = paths[index] as string;
        if (kind === "numeric") return [name, { kind, width, path }];
        return [name, { kind, width: 1, path, dictionary: dictionaries[name] ?? [] }];
      });
      return { rows, folder, columns: Object.fromEntries(columns) };
    },
    abandon: close,
  };
}

/**
 * Writes a table to files, block by block.
 * @param blocks of columns in the order of the names; at least one
 */
export async function spillTable(
  folder: string,
  names: readonly string[],
  dictionaries: Dictionaries,
  blocks: () => AsyncGenerator<readonly Column[]>,
): Promise<SpilledTable> {
  const spill = await createTableSpill(folder, names);
  try {
    for await (const columns of blocks()) await spill.append(columns);
    return await spill.finish(dictionaries);
  } finally {
    await spill.abandon();
  }
}

/** The dictionaries of a table's text columns. */
export function dictionariesOf({ columns }: StoredTable): Dictionaries {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) =>
      column.kind === "categorical" ? [[name, column.dictionary] as const] : [],
    ),
  );
}
