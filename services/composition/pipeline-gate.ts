import { createNotifier } from "../common/async/notifier.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { contentOf, digestOf, shortDigest } from "../pipeline/pipeline-content.ts";
import type { PipelineVersion } from "../pipeline/pipeline-version.ts";
import type { Logged } from "../pipeline/verdict.ts";
import type { PipelineLog } from "../registry/pipeline-log.ts";
import { createFollowedLog } from "./followed-log.ts";

/**
 * Whether this process's pipeline file is the one in force. A process with another file is alive and not ready: it neither
 * trains nor judges, until its own file is applied or it restarts with the right one. Where nothing was ever applied, every
 * file is accepted.
 */
export interface PipelineGate {
  /** Of this process's file. */
  readonly digest: string;
  /** Of the file in force, as this process last saw it; null if nothing was ever applied. */
  applied(): string | null;
  /** Which file this process has and which one is wanted; undefined if they are the same. */
  refusal(): string | undefined;
  /**
   * Asks the registry, which may know more than this process has seen, and then returns as `refusal`.
   * @throws UncoupleError as `PipelineLog.current`
   */
  confirm(): Promise<string | undefined>;
  /** Resolves when this process's file is in force, or the signal aborts. */
  opens(signal: AbortSignal): Promise<void>;
  /** Resolves when another file is in force, or the signal aborts. */
  closes(signal: AbortSignal): Promise<void>;
  /** Follows the applied files until the signal aborts. @param onChange called when another one is in force */
  follow(signal: AbortSignal, onChange: () => void): Promise<void>;
}

export interface PipelineGateDeps {
  readonly pipelines: PipelineLog;
  readonly clock: Clock;
  /** Called when a watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
}

/**
 * Creates a gate that accepts the file until it is followed or `confirm` has looked.
 * @param file the path of the pipeline file, for messages
 */
export function createPipelineGate(pipeline: Pipeline, file: string, deps: PipelineGateDeps): PipelineGate {
  const { pipelines, clock, onError } = deps;
  const digest = digestOf(contentOf(pipeline));
  const changed = createNotifier();
  let newest: Logged<PipelineVersion> | undefined;
  let onChange = () => {};
  const note = (version: Logged<PipelineVersion> | undefined) => {
    if (version === undefined || version.position <= (newest?.position ?? 0)) return;
    newest = version;
    changed.notify();
    onChange();
  };
  const until = async (open: boolean, signal: AbortSignal) => {
    while (!signal.aborted) {
      const seen = changed.count;
      if ((gate.refusal() === undefined) === open) return;
      await changed.waitBeyond(seen, signal);
    }
  };
  const log = createFollowedLog<Logged<PipelineVersion>>({
    what: "applied pipeline files",
    clock,
    onError,
    watch: (from, signal) => pipelines.watch(from, signal),
    note,
  });

  const gate: PipelineGate = {
    digest,
    applied: () => newest?.value.digest ?? null,
    refusal() {
      if (newest === undefined || newest.value.digest === digest) return undefined;
      const { digest: wanted, by, at } = newest.value;
      return `${file} is ${shortDigest(digest)}, and pipeline ${pipeline.name} is at ${shortDigest(wanted)} (applied by ${by}, ${at}); restart with that file, or apply this one with \`uncouple pipeline apply\``;
    },
    async confirm() {
      note(await pipelines.current());
      return gate.refusal();
    },
    opens: (signal) => until(true, signal),
    closes: (signal) => until(false, signal),
    follow(signal, listener) {
      onChange = listener;
      return log.follow(signal);
    },
  };
  return gate;
}
