import { type DataReader, sourceFor } from "../pipeline/data-reader.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import { openPipelineData } from "./read-pipeline.ts";
import type { DataAccess } from "./source/data-access.ts";
import type { DataSource } from "./source/data-source.ts";

/**
 * Opens the training rows of a component and the held-out rows, for a command that compares them. Needs the credentials of
 * both, if they are in places of their own.
 * @throws UncoupleError as `openPipelineData`
 */
export async function openBothSides(
  parsed: ParsedPipeline,
  path: string,
  access: DataAccess | undefined,
  component: string,
): Promise<DataSource> {
  const settingOf = (reader: DataReader) => sourceFor(parsed.pipeline, reader).setting;
  const { source: held } = await openPipelineData(parsed, path, access, "evaluator");
  // Most pipelines have all rows in one place.
  if (settingOf("evaluator") === settingOf({ trainer: component })) return held;
  try {
    const { source: training } = await openPipelineData(parsed, path, access, { trainer: component });
    return {
      ...training,
      schema: () => held.schema(),
      unreadable: () => held.unreadable(),
      heldOutRows: (...args) => held.heldOutRows(...args),
      storedHeldOutRows: (...args) => held.storedHeldOutRows(...args),
      async close() {
        await Promise.all([training.close(), held.close()]);
      },
    };
  } catch (thrown) {
    await held.close();
    throw thrown;
  }
}
