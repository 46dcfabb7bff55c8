import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import type { Run } from "../../pipeline/run.ts";
import type { Study } from "../../pipeline/study.ts";
import type { Connections } from "../connect/connections.ts";
import type { SnapshotReference } from "../flags/reference.ts";
import { type ModelReport, reportOfRun, reportOfSnapshot } from "./model-report.ts";

/** What a page is about. */
export type Report =
  | { readonly kind: "run" | "snapshot"; readonly model: ModelReport }
  | { readonly kind: "study"; readonly study: Study };

/** A snapshot, or the ID of a run or a study, or the beginning of one. */
export type ReportTarget = SnapshotReference | string;

type Found = { readonly run: Run } | { readonly study: Study };

/**
 * Finds a run or a study by its ID or the beginning of it, or a snapshot by its name.
 * @throws UncoupleError `not-found`; `invalid-argument` for a name that several have; DeletedError
 */
export async function gatherReport(connections: Connections, target: ReportTarget): Promise<Report> {
  if (typeof target !== "string") return { kind: "snapshot", model: await reportOfSnapshot(connections, target) };
  const name = target;
  const trainers = await connections.trainers();
  const components = [...trainers.keys()];
  if (components.includes(name)) {
    throw new UncoupleError(
      "invalid-argument",
      `${name} is a component; name one of its snapshots, such as ${name}@1, or a run or study (see \`uncouple runs ${name}\`)`,
    );
  }
  const found: Found[] = [];
  for (const [component, trainer] of trainers) {
    for (const run of await trainer.listRuns()) if (run.id.startsWith(name)) found.push({ run });
    const studies = await (await connections.tuning(component)).listStudies();
    for (const study of studies) if (study.id.startsWith(name)) found.push({ study });
  }
  const exact = found.filter((one) => idOf(one) === name);
  const [only, ...others] = exact.length > 0 ? exact : found;
  if (only === undefined) {
    throw new UncoupleError(
      "not-found",
      `no run or study found for "${name}"; list them with \`uncouple runs\` and \`uncouple studies COMPONENT\`${didYouMean(name, components)}`,
    );
  }
  if (others.length > 0) {
    throw new UncoupleError(
      "invalid-argument",
      `"${name}" is ambiguous: ${[only, ...others].map(describe).slice(0, 5).join(", ")}`,
    );
  }
  if ("study" in only) return { kind: "study", study: only.study };
  return { kind: "run", model: await reportOfRun(connections, only.run) };
}

function idOf(found: Found): string {
  return "run" in found ? found.run.id : found.study.id;
}

function describe(found: Found): string {
  return "run" in found
    ? `run ${found.run.id} of ${found.run.component}`
    : `study ${found.study.id} of ${found.study.component}`;
}
