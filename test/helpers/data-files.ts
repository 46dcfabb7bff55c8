import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { openDataSource } from "../../services/data/open-data-source.ts";
import type { DataSource, Rows } from "../../services/data/source/data-source.ts";
import type { FileRows, FileSource, FileSplit } from "../../services/pipeline/pipeline.ts";

type Change = Partial<FileRows> & Partial<FileSplit>;

/** Data files in a folder of their own, for the tests of one file. */
export function dataFiles() {
  let folder: string;
  let files = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "data-files-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function opened<T>(path: string, over: Change, use: (source: DataSource) => Promise<T>): Promise<T> {
    const rows: FileRows = { source: "file", path, maxBadFraction: 0, ...over };
    const spec = (over.time === undefined ? { testFraction: 0.25, ...rows } : rows) as FileSource;
    const source = await openDataSource(spec, folder);
    try {
      return await use(source);
    } finally {
      await source.close();
    }
  }

  return {
    pathOf: (name: string) => join(folder, name),
    /** Writes a new file and returns its name. */
    async file(content: string | Buffer, extension = "csv"): Promise<string> {
      files += 1;
      const name = `data-${files}.${extension}`;
      await writeFile(join(folder, name), content);
      return name;
    },
    opened,
    read: (path: string, columns: readonly string[], over: Change = {}) =>
      opened(path, over, (source) => source.trainingRows(columns)),
    /** The code and message of the error that an action must throw. */
    async failureOf(action: Promise<unknown>): Promise<string> {
      const error: unknown = await action.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ name: "UncoupleError" });
      const { code, message } = error as { code: string; message: string };
      return `${code}: ${message.replaceAll(`${folder}/`, "")}`;
    },
  };
}

export function numbers(rows: Rows, name: string): number[] {
  const column = rows.table.columns[name];
  if (column?.kind !== "numeric") throw new Error(`no numeric column ${name}`);
  return Array.from(column.values);
}

/** Lines `id,x` with ids 1 to n and x = 2 id. */
export const table = (n: number, first = 1) =>
  `id,x\n${Array.from({ length: n }, (_, i) => `${i + first},${2 * (i + first)}\n`).join("")}`;
