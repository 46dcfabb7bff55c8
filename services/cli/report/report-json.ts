import { parameterImportance } from "../../learning/tuning/importance.ts";
import { manifestJson } from "../text/manifest-text.ts";
import { studyJson } from "../text/study-text.ts";
import type { Report } from "./gather-report.ts";

/** A page's data, as docs/reports.md describes it. */
export function reportJson(report: Report): Readonly<Record<string, unknown>> {
  if (report.kind === "study") {
    const { study } = report;
    const { component, state, upstream, rows, startedAt, finishedAt, teamFile } = study;
    return {
      kind: "study",
      component,
      state,
      ...studyJson(study),
      trials: study.trials,
      importance: parameterImportance(study) ?? null,
      upstream,
      rows,
      startedAt,
      finishedAt,
      teamFile,
    };
  }
  const { component, run, snapshot, missing } = report.model;
  const facts = snapshot === null ? null : { ...snapshot, manifest: manifestJson(snapshot.manifest) };
  return {
    kind: report.kind,
    component,
    run: run?.run ?? null,
    settings: run?.settings ?? null,
    curve: run?.curve ?? null,
    fit: run?.fit ?? null,
    manifest: facts?.manifest ?? null,
    aliases: facts?.aliases ?? [],
    verdict: facts?.verdict ?? null,
    quarantine: facts?.quarantine ?? null,
    releases: facts?.releases ?? [],
    usedBy: facts?.usedBy ?? [],
    position: facts?.position ?? null,
    origins: facts?.origins.map(manifestJson) ?? [],
    missing,
  };
}
