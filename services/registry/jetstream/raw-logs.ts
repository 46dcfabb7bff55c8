import { UncoupleError } from "../../common/errors.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { checkName } from "../names.ts";
import { type Reader, readers } from "./codec.ts";
import { openNatsConnection } from "./nats-connection.ts";
import type { LinkOptions } from "./nats-link.ts";
import { readStream } from "./stream-reader.ts";
import { type LogNames, namesOf } from "./streams.ts";

/** A message as the stream has it, whether a reader of the log would count it or not. */
export interface RawMessage<T> {
  /** Its sequence number. */
  readonly position: number;
  /** The component and serial of its subject. */
  readonly component: string;
  readonly serial: number;
  /** undefined: this version cannot read it. */
  readonly value: T | undefined;
}

/**
 * The streams of a pipeline, message by message. A backplane counts the first message of a component and serial and drops the
 * others; here a check finds all of them. Streams that were compacted lack what was removed.
 */
export interface RawLogs {
  /** Returns the messages from a position on, inclusive, that the stream has now. @throws UncoupleError `unavailable` */
  announcements(from: number): Promise<readonly RawMessage<SnapshotManifest>[]>;
  verdicts(from: number): Promise<readonly RawMessage<Verdict>[]>;
  quarantines(from: number): Promise<readonly RawMessage<Quarantine>[]>;
  close(): Promise<void>;
}

/** @throws UncoupleError as `openNatsConnection` */
export async function openRawLogs(options: LinkOptions & { readonly pipeline: string }): Promise<RawLogs> {
  checkName("pipeline", options.pipeline);
  const names = namesOf(options.pipeline);
  const connection = await openNatsConnection(options);

  async function read<T>({ stream, subject }: LogNames, reader: Reader<T>, from: number): Promise<RawMessage<T>[]> {
    const found: RawMessage<T>[] = [];
    const range = { from, filter: `${subject}.>`, follow: false };
    for await (const messages of readStream(connection, stream, range, connection.closed)) {
      for (const message of messages) {
        const parsed = reader(message.data);
        found.push({
          position: message.sequence,
          ...placeOf(message.subject),
          value: "value" in parsed ? parsed.value : undefined,
        });
      }
    }
    return found;
  }

  return {
    async announcements(from) {
      const messages = await read(names.snapshots, readers.announcement, from);
      return messages.map(({ value, ...place }) => ({ ...place, value: value?.manifest }));
    },
    verdicts: (from) => read(names.verdicts, readers.verdict, from),
    quarantines: (from) => read(names.quarantines, readers.quarantine, from),
    close: () => connection.close(),
  };
}

/** Subjects end in `.COMPONENT.SERIAL`. @throws UncoupleError `data-loss` for any other */
function placeOf(subject: string): { readonly component: string; readonly serial: number } {
  const [, component, serial] = /\.([^.]+)\.([1-9]\d*)$/.exec(subject) ?? [];
  if (component === undefined) throw new UncoupleError("data-loss", `${subject} is not a subject of a snapshot`);
  return { component, serial: Number(serial) };
}
