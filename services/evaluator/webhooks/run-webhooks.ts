import { restartForever } from "../../common/async/restart-forever.ts";
import { backoffMs } from "../../common/async/retry.ts";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { Webhook } from "../../pipeline/gate.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { FailureReporter } from "../../runtime/failure-reporter.ts";
import { deliver } from "./deliver.ts";
import { messageFor, webhookDigest } from "./webhook-message.ts";
import type { WebhookMetrics } from "./webhook-metrics.ts";

/** Held by the evaluator that delivers. */
const LEASE = "webhooks";
const closed = new UncoupleError("cancelled", "another pipeline file is in force");
/** Between attempts. */
const RETRY = { firstDelayMs: 1_000, longestDelayMs: 5 * 60_000 };

export interface WebhooksDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  readonly pipeline: string;
  /** Their secret files are absolute. */
  readonly webhooks: readonly Webhook[];
  readonly backplane: Pick<Backplane, "ledger" | "leases">;
  /** Deliveries are made only while the pipeline file is the one in force. */
  readonly applied: Pick<PipelineGate, "opens" | "closes">;
  readonly metrics: WebhookMetrics;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
}

/**
 * Tells webhooks what the ledger says, each in the order of the ledger and at least once, until the signal aborts. One
 * evaluator of a pipeline does, under a lease. How far each was told is in the ledger; a new one is told what comes after
 * its first sight. A receiver that does not answer delays no other.
 */
export async function runWebhooks(deps: WebhooksDeps, signal: AbortSignal): Promise<void> {
  const { webhooks, backplane, applied, clock } = deps;
  if (webhooks.length === 0) return;
  const onError = (error: Parameters<FailureReporter>[1]) => deps.reportFailure("telling webhooks", error);
  await restartForever({ clock, signal, onError }, async () => {
    await applied.opens(signal);
    const lease = await backplane.leases.acquire(LEASE, deps.evaluator, signal);
    const over = new AbortController();
    const held = AbortSignal.any([signal, lease.lost, over.signal]);
    void applied.closes(held).then(() => over.abort(closed));
    const told = webhooks.map((webhook, index) => tell(deps, webhook, index + 1, held));
    try {
      await Promise.all(told);
    } finally {
      over.abort(closed);
      await Promise.allSettled(told);
      await lease.release();
    }
  });
}

/** Tells one webhook. @param number in the pipeline file, from 1: logs have no URL, which may be a secret */
async function tell(deps: WebhooksDeps, webhook: Webhook, number: number, signal: AbortSignal): Promise<void> {
  const { pipeline, backplane, clock, metrics } = deps;
  const { ledger } = backplane;
  const what = `telling webhook ${number} (${new URL(webhook.url).origin})`;
  const name = webhookDigest(webhook);

  /** Repeats work until it succeeds. @throws only the signal's reason */
  async function persist(work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (thrown) {
        signal.throwIfAborted();
        deps.reportFailure(what, asUncoupleError(thrown));
        await clock.sleep(backoffMs(RETRY, attempt), signal);
      }
    }
  }

  const note = (position: number) =>
    persist(async () => {
      const at = timestamp(clock);
      await ledger.append({ version: 1, entry: "delivered", pipeline, webhook: name, position, at });
    });

  let told: number | undefined;
  for await (const { value } of ledger.read(0)) {
    if (value.entry === "delivered" && value.webhook === name) told = Math.max(told ?? 0, value.position);
  }
  if (told === undefined) {
    told = await ledger.end();
    await note(told);
  }
  for await (const logged of ledger.watch(told + 1, signal)) {
    const message = messageFor(logged, webhook);
    if (message === undefined) continue;
    const settled = metrics.waiting();
    try {
      await persist(async () => {
        try {
          await deliver(webhook, message, clock, signal);
        } catch (thrown) {
          metrics.attempted("failed");
          throw thrown;
        }
        metrics.attempted("acknowledged");
      });
    } finally {
      settled();
    }
    await note(logged.position);
  }
}
