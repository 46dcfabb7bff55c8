import { createRetry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { PipelineVersion } from "../../pipeline/pipeline-version.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { nextVersion, type PipelineLog } from "../pipeline-log.ts";
import { readers } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/** One subject, appended to by compare-and-set. */
export function createJetStreamPipelineLog(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  pipeline: string,
  retryLimitMs: number,
): PipelineLog {
  const subject = `${names.subject}.applied`;
  let current: Logged<PipelineVersion> | undefined;
  /** Why this version cannot read what is in force. */
  let newer: string | undefined;
  const entries = createReplicatedLog<PipelineVersion>(connection, log, names, {
    decode: readers.pipelineVersion,
    take({ sequence, subject: at }, read) {
      if (at !== subject) return "the subject is not that of applied pipeline files";
      if ("wrong" in read) {
        if (read.newer) newer = read.wrong;
        return read.wrong;
      }
      if (read.value.pipeline !== pipeline) return `it is of pipeline ${read.value.pipeline}`;
      current = { position: sequence, value: read.value };
      newer = undefined;
      return undefined;
    },
  });
  /** @returns whether the server has the log: stores of earlier versions get it from the first service of this one */
  const sync = async (): Promise<boolean> => {
    try {
      await entries.sync();
    } catch (error) {
      if (isJetStreamError(error, JetStreamCode.streamNotFound)) return false;
      throw error;
    }
    return true;
  };
  const readable = () => {
    if (newer === undefined) return current;
    throw new UncoupleError("failed-precondition", `the pipeline file in force cannot be read: ${newer}`);
  };

  return {
    async current() {
      return (await sync()) ? readable() : undefined;
    },
    async history() {
      const versions: Logged<PipelineVersion>[] = [];
      if (await sync()) for await (const version of entries.read(0)) versions.push(version);
      return versions;
    },
    async apply(content, expected, by) {
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      const at = timestamp(connection.clock);
      await retry.run(() => entries.sync());
      for (;;) {
        const made = nextVersion(pipeline, readable()?.value.digest ?? null, { content, expected, by }, at);
        const last = entries.lastSequence(subject);
        if (await entries.append(subject, made, last, retry)) return made;
      }
    },
    watch: (from, signal) => entries.watch(from, signal),
  };
}
