import { resolve } from "node:path";
import type { TrialSubject } from "../../inference/offline/declared-subjects.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { CliContext } from "../context/context.ts";
import { dataAccess } from "../flags/data-flags.ts";

/**
 * What a model of a component is tried with: its contract, and training rows of the component's columns, which its team may see. The
 * outputs of its upstream are made up.
 *
 * @throws UncoupleError if the pipeline file or its data cannot be read, or has no such component
 */
export async function readTrialSubject(context: CliContext, file: string, name: string): Promise<TrialSubject> {
  const [{ openPipelineData, readPipelineFile }, { snapshotContract }, { madeUpColumn }, { TRIAL_ROWS }] =
    await Promise.all([
      import("../../data/read-pipeline.ts"),
      import("../../learning/snapshot/snapshot-contract.ts"),
      import("../../inference/offline/made-up-rows.ts"),
      import("../../inference/offline/declared-subjects.ts"),
    ]);
  const path = resolve(context.cwd, file);
  const parsed = await readPipelineFile(path);
  if ("problems" in parsed) throw problemsError(parsed.problems.map((problem) => ({ ...problem, file })));
  const { pipeline } = parsed;
  const component = componentNamed(pipeline, name);
  const { source, schema } = await openPipelineData(parsed, path, dataAccess(context), { trainer: name });
  try {
    const contract = snapshotContract(pipeline, component, schema);
    const { table } = await source.trainingRows(component.columns, { limit: TRIAL_ROWS });
    const columns = { ...table.columns };
    for (const upstream of component.upstream) {
      const { output } = componentNamed(pipeline, upstream);
      const spec = { name: output.name, kind: "numeric", width: output.width } as const;
      columns[output.name] = madeUpColumn(spec, table.rows, output.meaning);
    }
    return { contract, output: component.output, table: { rows: table.rows, columns } };
  } finally {
    await source.close();
  }
}
