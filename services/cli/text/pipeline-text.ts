import type { PipelineChange } from "../../pipeline/pipeline-changes.ts";
import { shortDigest } from "../../pipeline/pipeline-content.ts";
import type { ApplyPlan } from "../../registry/apply-pipeline.ts";
import { plain, type Style } from "../terminal/style.ts";

/** What applying a file does, or would do. */
export function applyText(plan: ApplyPlan, applied: boolean, style: Style): string {
  const { pipeline, digest, previous, changes } = plan;
  const name = `pipeline ${pipeline}`;
  if (digest === previous) return `${name}: ${shortDigest(digest)} is in force already; nothing changes`;
  const to = `${applied ? "is now" : "would be"} at ${shortDigest(digest)}`;
  const from = previous === null ? "the first one" : `before: ${shortDigest(previous)}; ${plan.class ?? "no changes"}`;
  const restart = applied && previous !== null ? ["services with another file are not ready until they restart"] : [];
  return [`${name} ${to} (${from})`, ...changeLines(changes, style), ...restart].join("\n");
}

/** Two lines per change: what, and what it means. */
export function changeLines(changes: readonly PipelineChange[], style: Style): readonly string[] {
  return changes.flatMap(({ class: kind, path, before, after, effect }) => {
    const color = kind === "breaking" ? style.red : kind === "additive" ? style.yellow : style.green;
    return [
      `  ${color(kind.padEnd(10))} ${plain(path)}: ${plain(valuesText(before, after))}`,
      `             ${plain(effect)}`,
    ];
  });
}

function valuesText(before: unknown, after: unknown): string {
  if (typeof before === "object" && !Array.isArray(before) && after === undefined) return "removed";
  if (typeof after === "object" && !Array.isArray(after) && before === undefined) return "added";
  return `${shown(before)} -> ${shown(after)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return "not set";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
