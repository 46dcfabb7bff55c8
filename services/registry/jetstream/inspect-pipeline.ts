import { asUncoupleError, type UncoupleError } from "../../common/errors.ts";
import type { PipelineContent } from "../../pipeline/pipeline-content.ts";
import { EVALUATOR_GROUP } from "../backplane.ts";
import { checkName } from "../names.ts";
import { readers } from "./codec.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import { grantsOf, type Role, subjectsOf } from "./grants.ts";
import { throughHub } from "./hub-connection.ts";
import { type NatsConnection, openNatsConnection } from "./nats-connection.ts";
import type { LinkOptions } from "./nats-link.ts";
import { probeRights, type Right } from "./probe-rights.ts";
import { READ } from "./rights.ts";
import { readMessage, type StreamConfig } from "./stream-api.ts";
import { type StreamKind, streamConfigs } from "./stream-config.ts";
import { type StreamFault, streamFaults } from "./stream-faults.ts";
import { findStreams, isOpen, type Names, namesOf } from "./streams.ts";
import { clockOffset } from "./usage.ts";

/** One stream as the server has it. */
export interface StreamReport {
  readonly stream: string;
  readonly faults: readonly StreamFault[];
  /** The number of servers that should keep each message. */
  readonly replicas: number;
  /** The server that leads it; undefined without a cluster, or without a leader. */
  readonly leader?: string;
  /** The copies beside the leader's. */
  readonly copies: readonly CopyReport[];
}

export interface CopyReport {
  readonly server: string;
  /** `silent`: its server is gone, or cut off. */
  readonly state: "current" | "behind" | "silent";
  /** Operations that it lacks. */
  readonly lag: number;
  /** Seconds since the leader has heard from it; 0 if it never has. */
  readonly heardSecondsAgo: number;
}

/** A follower that answers no heartbeat of its leader, one a second, for this long is gone; servers of 2.15 say so after 10 s. */
const SILENT_S = 5;

/** What a role lacks. Subjects that could not be tried do not count. */
export interface RoleReport {
  readonly role: Role;
  /** The rights that the client lacks, in words, with a subject of each. */
  readonly missing: readonly { readonly right: string; readonly subject: string }[];
  /** The rights beyond reading that it has. */
  readonly held: number;
  /** Subjects that could not be tried, because the connection broke. */
  readonly untried: readonly string[];
}

export interface PipelineReport {
  /** Whether the server belongs to a cluster. */
  readonly clustered: boolean;
  /** Whether the client's account owns no streams. */
  readonly restricted: boolean;
  /** The streams that are not reported, and why; null: the server does not have it. */
  readonly absent: ReadonlyMap<string, UncoupleError | null>;
  readonly streams: readonly StreamReport[];
  /** Whether the queue of the evaluators exists; undefined: the client may not see it. */
  readonly queue: boolean | undefined;
  /** The pipeline file in force: undefined if none was applied, or it cannot be read. */
  readonly file: PipelineContent | undefined;
  readonly roles: readonly RoleReport[];
  /** Seconds by which this process's clock is ahead; undefined from a server older than 2.10. */
  readonly clockOffset: number | undefined;
}

/**
 * Looks at everything that a pipeline has on the server, and at what the client may do. Changes nothing.
 *
 * @param rolesOf the roles to try, given the pipeline file in force
 * @throws UncoupleError as `openNatsConnection`; `not-found` naming the pipelines that the server has
 */
export async function inspectPipeline(
  options: LinkOptions & { readonly pipeline: string },
  rolesOf: (file: PipelineContent | undefined) => readonly Role[],
): Promise<PipelineReport> {
  const { pipeline } = options;
  checkName("pipeline", pipeline);
  const names = namesOf(pipeline);
  const opened = await openNatsConnection(options);
  try {
    const connection = await throughHub(opened);
    const found = await allStreams(connection, names);
    if (found.streams.length === 0 && [...found.absent.values()].every((reason) => reason === null)) {
      await findStreams(connection, names, pipeline);
    }
    const [queue, file, offset] = await Promise.all([
      hasQueue(connection, names),
      fileInForce(connection, names).catch(() => undefined),
      clockOffset(connection, names).catch(() => undefined),
    ]);
    return {
      clustered: connection.clustered(),
      restricted: connection.restricted,
      absent: found.absent,
      streams: found.streams,
      queue,
      file,
      roles: await reportRoles(connection, names, rolesOf(file)),
      clockOffset: offset,
    };
  } finally {
    await opened.close();
  }
}

interface Replica {
  readonly name: string;
  readonly current: boolean;
  readonly offline?: boolean;
  readonly lag?: number;
  /** Nanoseconds since it was heard from. */
  readonly active: number;
}

interface StreamInfo {
  readonly config: StreamConfig & { readonly num_replicas?: number };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly Replica[];
  };
}

async function allStreams(connection: NatsConnection, names: Names) {
  const wanted = streamConfigs(names);
  const absent = new Map<string, UncoupleError | null>();
  const reports = await Promise.all(
    (Object.keys(wanted) as StreamKind[]).map(async (kind) => {
      const { stream } = names[kind];
      try {
        const info = await streamOf(connection, names, kind);
        if (info !== undefined) return [report(kind, wanted[kind], info)];
        absent.set(stream, null);
      } catch (error) {
        absent.set(stream, asUncoupleError(error));
      }
      return [];
    }),
  );
  return { streams: reports.flat(), absent };
}

/** The stream that takes the messages: once a log was compacted, that may be a successor (`successor.ts`). */
async function streamOf(connection: NatsConnection, names: Names, kind: StreamKind): Promise<StreamInfo | undefined> {
  const info = async (stream: string) => {
    try {
      return (await connection.api(`STREAM.INFO.${stream}`)) as StreamInfo;
    } catch (error) {
      if (isJetStreamError(error, JetStreamCode.streamNotFound)) return undefined;
      throw error;
    }
  };
  const { stream, successor } = names[kind] as Names["verdicts"] | Names["snapshots"];
  const next = successor === undefined ? undefined : await info(successor.stream);
  return next !== undefined && isOpen(next.config) ? next : info(stream);
}

function report(kind: StreamKind, wanted: StreamConfig, { config, cluster }: StreamInfo): StreamReport {
  return {
    stream: config.name,
    faults: streamFaults(kind, wanted, config),
    replicas: config.num_replicas ?? 1,
    ...(cluster?.leader && { leader: cluster.leader }),
    copies: (cluster?.replicas ?? []).map(reportCopy),
  };
}

function reportCopy({ name, current, offline, lag, active }: Replica): CopyReport {
  const heardSecondsAgo = active / 1e9;
  const isSilent = offline === true || heardSecondsAgo > SILENT_S || (!current && active === 0);
  return { server: name, state: isSilent ? "silent" : current ? "current" : "behind", lag: lag ?? 0, heardSecondsAgo };
}

/** Without a consumer, which reading the log may take. */
async function fileInForce(connection: NatsConnection, { pipelines }: Names): Promise<PipelineContent | undefined> {
  const message = await readMessage(connection, pipelines.stream, { last_by_subj: `${pipelines.subject}.applied` });
  const read = message === undefined ? undefined : readers.pipelineVersion(message.data);
  return read !== undefined && "value" in read ? read.value.content : undefined;
}

async function hasQueue(connection: NatsConnection, { snapshots }: Names): Promise<boolean | undefined> {
  try {
    await connection.api(`CONSUMER.INFO.${snapshots.stream}.${EVALUATOR_GROUP}`);
    return true;
  } catch (error) {
    return isJetStreamError(error, JetStreamCode.consumerNotFound) ? false : undefined;
  }
}

async function reportRoles(connection: NatsConnection, names: Names, roles: readonly Role[]): Promise<RoleReport[]> {
  const grants = roles.map((role) => grantsOf(names, role));
  const rights = await probeRights(connection, grants.flatMap(subjectsOf));
  /** In an account that owns the streams, nobody listens where a stream is missing; in another one, without an import. */
  const isMissing = (right: Right | undefined) => right === "denied" || (right === "nobody" && connection.restricted);
  return roles.map((role, index) => {
    const own = grants[index] ?? [];
    const missing = own.flatMap(({ right, subjects }) => {
      const subject = subjects.find((one) => isMissing(rights.get(one)));
      return subject === undefined ? [] : [{ right, subject }];
    });
    return {
      role,
      missing,
      held: own.filter(({ right }) => right !== READ && !missing.some((lacked) => lacked.right === right)).length,
      untried: subjectsOf(own).filter((one) => rights.get(one) === "unknown"),
    };
  });
}
