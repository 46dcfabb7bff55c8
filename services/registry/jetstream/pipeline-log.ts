import { createRetry } from "../../common/async/retry.ts";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { HeldOutGeneration } from "../../pipeline/generation.ts";
import type { PipelineVersion } from "../../pipeline/pipeline-version.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { GenerationLog } from "../generation-log.ts";
import { nextVersion, type PipelineLog } from "../pipeline-log.ts";
import { type Reader, readers } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { LogNames } from "./streams.ts";

/** The stream has applied pipeline files and generations of held-out rows. */
type Entry = { readonly applied: PipelineVersion } | { readonly started: HeldOutGeneration };

const entry: Reader<Entry> = (data) => {
  const applied = readers.pipelineVersion(data);
  if ("value" in applied) return { value: { applied: applied.value } };
  const started = readers.generation(data);
  return "value" in started ? { value: { started: started.value } } : applied;
};

/** The subjects of the two kinds of entries. */
export function pipelineSubjects({ subject }: Pick<LogNames, "subject">) {
  return { applied: `${subject}.applied`, generations: `${subject}.generations` };
}

/** Two logs in one stream: one subject each, appended to by compare-and-set. */
export function createJetStreamPipelineLogs(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  pipeline: string,
  retryLimitMs: number,
): { readonly pipelines: PipelineLog; readonly generations: GenerationLog } {
  const subjects = pipelineSubjects(names);
  let current: Logged<PipelineVersion> | undefined;
  let newest: HeldOutGeneration | undefined;
  /** Why this version cannot read the newest entry of a subject. */
  const newer = new Map<string, string>();
  const entries = createReplicatedLog<Entry>(connection, log, names, {
    decode: entry,
    take({ sequence, subject: at }, read) {
      if (at !== subjects.applied && at !== subjects.generations) {
        return "the subject is neither that of applied pipeline files nor that of generations";
      }
      if ("wrong" in read) {
        if (read.newer) newer.set(at, read.wrong);
        return read.wrong;
      }
      const { value } = read;
      const of = "applied" in value ? value.applied : value.started;
      if (at !== ("applied" in value ? subjects.applied : subjects.generations)) return `it does not belong on ${at}`;
      if (of.pipeline !== pipeline) return `it is of pipeline ${of.pipeline}`;
      if ("applied" in value) current = { position: sequence, value: value.applied };
      else if (value.started.generation === (newest?.generation ?? 0) + 1) newest = value.started;
      else return `it is generation ${value.started.generation}, after ${newest?.generation ?? "none"}`;
      newer.delete(at);
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
  const checkReadable = (subject: string, what: string) => {
    const wrong = newer.get(subject);
    if (wrong !== undefined) throw new UncoupleError("failed-precondition", `${what} cannot be read: ${wrong}`);
  };
  const inForce = () => {
    checkReadable(subjects.applied, "the pipeline file in force");
    return current;
  };
  const inUse = () => {
    checkReadable(subjects.generations, "the generation of held-out rows in use");
    return newest;
  };
  async function* applied(logged: AsyncIterable<Logged<Entry>>): AsyncGenerator<Logged<PipelineVersion>> {
    for await (const { position, value } of logged) if ("applied" in value) yield { position, value: value.applied };
  }

  const pipelines: PipelineLog = {
    async current() {
      return (await sync()) ? inForce() : undefined;
    },
    async history() {
      const versions: Logged<PipelineVersion>[] = [];
      if (await sync()) for await (const version of applied(entries.read(0))) versions.push(version);
      return versions;
    },
    async apply(content, expected, by) {
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      const at = timestamp(connection.clock);
      await retry.run(() => entries.sync());
      for (;;) {
        const made = nextVersion(pipeline, inForce()?.value.digest ?? null, { content, expected, by }, at);
        const last = entries.lastSequence(subjects.applied);
        if (await entries.append(subjects.applied, made, last, retry)) return made;
      }
    },
    watch: (from, signal) => applied(entries.watch(from, signal)),
  };
  const generations: GenerationLog = {
    async current() {
      return (await sync()) ? inUse() : undefined;
    },
    async history() {
      const all: HeldOutGeneration[] = [];
      if (await sync()) for await (const { value } of entries.read(0)) if ("started" in value) all.push(value.started);
      return all;
    },
    async start(generation) {
      const retry = createRetry(retryPolicy(connection, retryLimitMs));
      await retry.run(() => entries.sync());
      while ((inUse()?.generation ?? 0) === generation.generation - 1) {
        const last = entries.lastSequence(subjects.generations);
        if (await entries.append(subjects.generations, generation, last, retry)) return true;
      }
      return false;
    },
  };
  return { pipelines, generations };
}
