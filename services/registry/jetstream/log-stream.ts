import { UncoupleError } from "../../common/errors.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { findStream, type StreamState, streamState } from "./stream-api.ts";
import { isOpen, type LogNames } from "./streams.ts";

/** A server of a cluster that was stopped or cut off may answer for so long with its old state, as if it still led. */
const FORMER_LEADER_MS = 20_000;
const AGAIN_MS = 250;

/** The stream that a process reads a log from: its first one or, once that has one, its successor (`successor.ts`). */
export interface LogStream {
  name(): string;
  /** Whether it took no more messages at the last look, and its successor none yet. */
  isFrozen(): boolean;
  /**
   * Asks the leader for the state of the stream, and changes over to the successor.
   * @param position up to which the log has been read
   * @throws UncoupleError `data-loss` if the stream was replaced by one with other messages; JetStreamError with
   *   `streamNotFound` if this process has never seen it
   */
  look(position: number): Promise<StreamState>;
}

export function createLogStream(connection: NatsConnection, names: LogNames): LogStream {
  let name = names.stream;
  /** Its creation time. */
  let origin: string | undefined;
  let frozen = false;
  const replaced = (how: string) =>
    new UncoupleError(
      "data-loss",
      `${name} at ${connection.server} ${how}: its store was replaced; restart this service to go on with the new one`,
    );
  async function lookOnce(): Promise<StreamState> {
    const state = await currentStream(connection, names, name).catch((error: unknown) => {
      throw origin !== undefined && isNotFound(error) ? replaced("is gone") : error;
    });
    const { config, created } = state;
    if (config.name !== name && (origin === undefined || config.description === successorOf(name, origin))) {
      name = config.name;
      origin = created;
    }
    origin ??= created;
    // A replacement may be as long as the old stream, with different messages at the same positions.
    if (created !== origin) throw replaced(`was created at ${created}, and the one before at ${origin}`);
    frozen = names.successor !== undefined && isFrozen(state, names.successor);
    return state;
  }

  return {
    name: () => name,
    isFrozen: () => frozen,
    async look(position) {
      const { clock, closed } = connection;
      const start = clock.elapsed();
      for (;;) {
        const state = await lookOnce();
        if (state.lastSequence >= position) return state;
        if (!connection.clustered() || clock.elapsed() - start > FORMER_LEADER_MS || closed.aborted) {
          throw replaced(`ends at ${state.lastSequence}, and was at ${position} before`);
        }
        await clock.sleep(AGAIN_MS, closed).catch(() => {});
      }
    },
  };
}

/** @param name the stream that had the messages of the log before */
async function currentStream(connection: NatsConnection, names: LogNames, name: string): Promise<StreamState> {
  const { successor } = names;
  if (successor === undefined || name === successor.stream) return streamState(connection, name);
  const first = await streamState(connection, name).catch((error: unknown) => {
    if (isNotFound(error)) return error;
    throw error;
  });
  if (!(first instanceof Error) && !isFrozen(first, successor)) return first;
  const next = await findStream(connection, successor.stream);
  if (next !== undefined && isOpen(next.config)) return next;
  if (first instanceof Error) throw first;
  return first;
}

function isNotFound(error: unknown): error is Error {
  return isJetStreamError(error, JetStreamCode.streamNotFound);
}

/** Whether a stream takes only pointers to its successor. */
export function isFrozen({ config }: StreamState, { pointer }: NonNullable<LogNames["successor"]>): boolean {
  return config.subjects?.includes(pointer) ?? false;
}

/** The description of the successor of a stream that was created at that time. */
export function successorOf(stream: string, created: string): string {
  return `Takes the place of ${stream}, created ${created}.`;
}
