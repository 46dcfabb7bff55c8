import { mkdir, rm } from "node:fs/promises";
import { raceAbort } from "../../common/async/race-abort.ts";
import { UncoupleError } from "../../common/errors.ts";
import { openSpill, writeAt } from "../../data/spill/spill-file.ts";
import { removeSpill, type SpillSpace, spillPath } from "../../data/spill/spill-folder.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import type { RowMatrix } from "../dataset/row-matrix.ts";
import { SpilledColumns, type TrainingColumns, trainingColumns } from "../training/training-columns.ts";
import type { Blob, JobBlob, UnitJob } from "./unit.ts";

/** Where columns go that exceed their share of memory. */
export type ColumnSpace = SpillSpace;

/** Files for columns that exceed their share of memory and arrive from elsewhere. */
export interface ColumnFiles extends ColumnSpace {
  /** Hands over the bytes of a column as they arrive. @throws UncoupleError as `JobColumnsDeps.blob`; what `write` throws */
  fetch(digest: string, write: (chunk: Uint8Array) => Promise<void>): Promise<void>;
  /** Called while the columns are put side by side, which takes time but no bytes arrive. */
  onWork(): void;
}

export interface JobColumnsDeps {
  /**
   * Finds the bytes that a job names.
   * @throws UncoupleError `not-found` if they are gone everywhere; the reason of the signal
   */
  blob(digest: string, signal?: AbortSignal): Promise<JobBlob>;
  /** Default: columns are where `blob` has them. */
  readonly files?: ColumnFiles | undefined;
}

/** The columns of jobs. Those in files are shared by all sessions that hold them. */
export interface JobColumns {
  /**
   * @param key names the job
   * @throws UncoupleError as `JobColumnsDeps.blob`; `resource-exhausted` if the disk is full; the reason of the signal
   */
  hold(key: string, job: UnitJob, program: TrainingProgram, signal?: AbortSignal): Promise<HeldColumns>;
}

export interface HeldColumns {
  readonly data: TrainingColumns;
  /** Removes the files after the last user. Called once. */
  release(): Promise<void>;
}

interface Shared {
  readonly columns: Promise<SpilledColumns>;
  users: number;
}

export function createJobColumns({ blob, files }: JobColumnsDeps): JobColumns {
  const spilled = new Map<string, Shared>();

  async function fromBlobs(
    { columns, rows }: UnitJob,
    { resident }: TrainingProgram,
    signal: AbortSignal | undefined,
  ): Promise<TrainingColumns> {
    const matrices: Record<string, RowMatrix> = {};
    for (const [name, { width }] of Object.entries(resident)) {
      const found = await blob(digestOf(columns, name), signal);
      matrices[name] = "path" in found ? { path: found.path, rows, width } : { width, values: floats(found) };
    }
    return trainingColumns(matrices);
  }

  /** Puts the columns side by side into one file, which is all that a training reads. */
  async function fetchAll(
    { columns, rows }: UnitJob,
    { resident }: TrainingProgram,
    space: ColumnFiles,
  ): Promise<SpilledColumns> {
    const folder = await space.folder();
    try {
      const parts = `${folder}/parts`;
      await mkdir(parts);
      const matrices: Record<string, RowMatrix> = {};
      for (const [name, { width }] of Object.entries(resident)) {
        const path = spillPath(parts);
        await fetchFile(digestOf(columns, name), path, space);
        matrices[name] = { path, rows, width };
      }
      const all = new SpilledColumns(matrices, folder);
      await all.join(space.onWork);
      await rm(parts, { recursive: true });
      return all;
    } catch (thrown) {
      await removeSpill(folder);
      throw thrown;
    }
  }

  async function share(
    key: string,
    make: () => Promise<SpilledColumns>,
    remove: (columns: SpilledColumns) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<HeldColumns> {
    const known = spilled.get(key);
    const shared = known ?? { columns: make(), users: 0 };
    if (known === undefined) {
      spilled.set(key, shared);
      // The next one tries again.
      shared.columns.catch(() => forget(key, shared));
    }
    shared.users++;
    const release = async () => {
      if (--shared.users > 0) return;
      forget(key, shared);
      await shared.columns.then(remove, () => {});
    };
    try {
      const data = await (signal === undefined ? shared.columns : raceAbort(shared.columns, signal));
      return { data, release };
    } catch (thrown) {
      void release();
      throw thrown;
    }
  }

  function forget(key: string, shared: Shared): void {
    if (spilled.get(key) === shared) spilled.delete(key);
  }

  return {
    async hold(key, job, program, signal) {
      const width = Object.values(program.resident).reduce((sum, column) => sum + column.width, 0);
      if (files !== undefined && 4 * width * job.rows > files.tableBytes) {
        // Jobs on the same columns share them, such as the trials of a study.
        const shape = Object.entries(program.resident).map(([name, { width }]) => [name, width, job.columns[name]]);
        const remove = ({ folder }: SpilledColumns) => removeSpill(folder);
        return share(JSON.stringify([job.rows, shape]), () => fetchAll(job, program, files), remove, signal);
      }
      const data = spilled.has(key) ? undefined : await fromBlobs(job, program, signal);
      if (data !== undefined && !(data instanceof SpilledColumns)) return { data, release: async () => {} };
      return share(
        key,
        async () => data as SpilledColumns,
        (columns) => columns.removeJoined(),
        signal,
      );
    },
  };
}

async function fetchFile(digest: string, path: string, files: ColumnFiles): Promise<void> {
  const file = await openSpill(path, "wx");
  try {
    let written = 0;
    await files.fetch(digest, async (chunk) => {
      await writeAt(file, path, chunk, written);
      written += chunk.byteLength;
    });
  } finally {
    await file.close();
  }
}

function digestOf(columns: UnitJob["columns"], name: string): string {
  const digest = columns[name];
  if (digest === undefined) throw new UncoupleError("invalid-argument", `the job has no column ${name}`);
  return digest;
}

function floats({ digest, bytes }: Blob): Float32Array {
  if (bytes.byteLength % 4 !== 0)
    throw new UncoupleError("data-loss", `column ${digest} has ${bytes.byteLength} bytes`);
  // A view where the bytes begin at a multiple of four, a copy elsewhere.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
