import { openPipelineData } from "../data/read-pipeline.ts";
import type { DataAccess } from "../data/source/data-access.ts";
import type { DataSource } from "../data/source/data-source.ts";
import { sourceFor } from "../pipeline/data-reader.ts";
import { checkTests, type TrainerFiles } from "./read-files.ts";

/** The training rows of the teams of a trainer. */
export interface TeamData {
  /** What the trainer of a component reads. */
  of(component: string): DataSource;
  close(): Promise<void>;
}

/**
 * Opens what the teams of a trainer read, each source once: `data`, or the place that a component names. Never the
 * held-out rows' own place.
 * @param path of the pipeline file; @param access as for `openPipelineData`; @param memoryBytes of all sources together
 * @throws UncoupleError as `openPipelineData` and `checkTests`; nothing stays open
 */
export async function openTeamData(
  { pipeline, teams }: TrainerFiles,
  path: string,
  access: DataAccess | undefined,
  memoryBytes: number,
): Promise<TeamData> {
  const opened = new Map<string, Awaited<ReturnType<typeof openPipelineData>>>();
  const settingOf = (component: string) => sourceFor(pipeline.pipeline, { trainer: component }).setting;
  const close = async () => {
    await Promise.all([...opened.values()].map(({ source }) => source.close()));
  };
  const share = memoryBytes / new Set(teams.map(({ team }) => settingOf(team.component))).size;
  try {
    for (const { team } of teams) {
      const { component } = team;
      const setting = settingOf(component);
      if (opened.has(setting)) continue;
      opened.set(setting, await openPipelineData(pipeline, path, access, { trainer: component }, share));
    }
    checkTests({ pipeline, teams }, (component) => opened.get(settingOf(component))?.schema);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { of: (component) => (opened.get(settingOf(component)) as { source: DataSource }).source, close };
}
