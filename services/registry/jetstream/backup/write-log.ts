import { UncoupleError } from "../../../common/errors.ts";
import { isJetStreamError, JetStreamCode } from "../errors.ts";
import type { NatsConnection } from "../nats-connection.ts";
import { checkPayload, readMessage, storeNow, streamState } from "../stream-api.ts";
import type { LogNames } from "../streams.ts";
import type { BackedUpMessage } from "./backup-document.ts";

/** Messages in flight. */
const WINDOW = 256;

/** Fills the empty stream of a log with messages at the positions that they had. */
export interface LogWriter {
  /** @throws UncoupleError `conflict` if somebody else writes to the stream; as `storeNow` */
  append(messages: readonly BackedUpMessage[]): Promise<void>;
  /** Ends when all is stored, and checks it. @throws UncoupleError as `append`; `data-loss` */
  finish(): Promise<void>;
}

/**
 * Positions without a message are filled and deleted again, so the stream must permit purges, and any number of messages on
 * a subject.
 */
export function createLogWriter(connection: NatsConnection, { stream, subject }: LogNames): LogWriter {
  /** No name of a component has such a form. */
  const filler = `${subject}._gap`;
  const underway = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let last = 0;
  let messages = 0;
  let gaps = false;

  const notAlone = (position: number, cause?: unknown) =>
    new UncoupleError(
      "conflict",
      `another client writes to ${stream} at ${connection.server}, at position ${position}; stop all services and restore again`,
      { cause },
    );
  /**
   * With accounts, version 2.9 delivers a message twice that a team imports and may send itself, and the refusal of the second one
   * arrives first.
   */
  const settle = async (error: unknown, position: number, to: string, data: Uint8Array) => {
    if (!isJetStreamError(error, JetStreamCode.wrongLastSequence)) throw error;
    const there = await readMessage(connection, stream, { seq: position });
    if (there?.subject !== to || Buffer.compare(there.data, data) !== 0) throw notAlone(position, error);
  };
  const drain = async (left: number) => {
    while (underway.size > left) await Promise.race(underway);
    if (failure !== undefined) throw failure.error;
  };
  const put = async (to: string, data: Uint8Array, headers?: Readonly<Record<string, string>>) => {
    const position = ++last;
    const check = (stored: number) => {
      if (stored !== position) throw notAlone(position);
    };
    // Nobody else's message may come between.
    const sent: Promise<void> = storeNow(connection, to, data, { ofLog: position - 1 }, headers)
      .then(check, (error: unknown) => settle(error, position, to, data))
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => underway.delete(sent));
    underway.add(sent);
    await drain(WINDOW - 1);
  };

  return {
    async append(batch) {
      for (const { position, subject: to, headers, data } of batch) {
        checkPayload(connection, to, data);
        while (last < position - 1) {
          gaps = true;
          await put(filler, new Uint8Array());
        }
        await put(to, data, headers);
        messages++;
      }
    },
    async finish() {
      await drain(0);
      if (gaps) await connection.api(`STREAM.PURGE.${stream}`, { filter: filler });
      const state = await streamState(connection, stream);
      if (state.lastSequence === last && state.messages === messages) return;
      throw new UncoupleError(
        "data-loss",
        `${stream} at ${connection.server} has ${state.messages} messages up to ${state.lastSequence}, not ${messages} up to ${last}; restore again`,
      );
    },
  };
}
