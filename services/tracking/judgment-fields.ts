import type { Quarantine, Verdict } from "../pipeline/verdict.ts";
import type { Batch, Metric } from "./mlflow-client.ts";

/** The tag with the kind of a run's verdict: a run that has it has all of the verdict. */
export const VERDICT_TAG = "uncouple.verdict";

/** A verdict as metrics and tags of the run that made the snapshot. Losses that were not measured are left out. */
export function verdictBatch(verdict: Verdict): Required<Pick<Batch, "metrics" | "tags">> {
  const { comparison, componentLoss, componentInterval, heldOut, reason, consistency } = verdict;
  const values: Readonly<Record<string, number | null | undefined>> = {
    "verdict.current_loss": comparison?.currentLoss,
    "verdict.candidate_loss": comparison?.candidateLoss,
    "verdict.difference": comparison?.difference,
    "verdict.interval_low": comparison?.interval[0],
    "verdict.interval_high": comparison?.interval[1],
    "verdict.component_loss": componentLoss.candidate,
    "verdict.component_loss_current": componentLoss.current,
    "verdict.component_interval_low": componentInterval?.[0],
    "verdict.component_interval_high": componentInterval?.[1],
    "verdict.harm": comparison?.harm?.harm,
    ...Object.fromEntries(
      (consistency?.candidate ?? []).map(({ upstream, downstream, gap }) => [
        `verdict.gap.${upstream}.${downstream}`,
        gap,
      ]),
    ),
  };
  const timestamp = Date.parse(verdict.judgedAt);
  const metrics = Object.entries(values).flatMap(([key, value]): Metric[] =>
    typeof value === "number" ? [{ key, value, timestamp, step: 0 }] : [],
  );
  return {
    metrics,
    tags: {
      "uncouple.verdict.evaluator": verdict.evaluator,
      "uncouple.verdict.judged_at": verdict.judgedAt,
      "uncouple.verdict.rows": String(verdict.rows),
      ...(reason !== undefined && { "uncouple.verdict.reason": reason }),
      ...(heldOut !== undefined && { "uncouple.verdict.generation": String(heldOut.generation) }),
      [VERDICT_TAG]: verdict.kind,
    },
  };
}

/** A run that has this tag has all of its quarantine. */
export const QUARANTINE_TAG = "uncouple.quarantine";

/** A quarantine as tags of the run that made the snapshot. */
export function quarantineBatch({ reason, detail, evaluator, judgedAt }: Quarantine): Required<Pick<Batch, "tags">> {
  return {
    tags: {
      "uncouple.quarantine.reason": reason,
      "uncouple.quarantine.detail": detail,
      "uncouple.quarantine.evaluator": evaluator,
      "uncouple.quarantine.judged_at": judgedAt,
      [QUARANTINE_TAG]: "true",
    },
  };
}
