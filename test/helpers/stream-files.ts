import { AckPolicy, type ConsumerConfig, headers, type MsgHdrs, type StreamConfig } from "nats";
import { connectRaw, type RawNats } from "./raw-nats.ts";

/** First line of a stream's file. */
interface StreamLine {
  readonly config: StreamConfig;
  /** Durable consumers, each with the sequence number up to which all messages are acknowledged. */
  readonly consumers: readonly { readonly config: ConsumerConfig; readonly done: number }[];
}

/** Every other line, in the stream's order. */
interface MessageLine {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly data: string;
}

/** Conditions that held when the message was first stored; sequence numbers differ in a copy of a stream with gaps. */
const EXPECTED = /^Nats-Expected-/;

/**
 * Exports every stream of a NATS server as JSON lines, by stream name; a server of any version can import them.
 * Messages keep their order, and their sequence numbers where the stream has no gaps.
 * @param edit applied to each payload that is a JSON object
 */
export async function dumpStreams(url: string, edit: (json: string) => string): Promise<ReadonlyMap<string, string>> {
  const raw = await connectRaw(url);
  const files = new Map<string, string>();
  for await (const { config, state } of raw.jsm.streams.list()) {
    const consumers: StreamLine["consumers"][number][] = [];
    for await (const consumer of raw.jsm.consumers.list(config.name)) {
      consumers.push({ config: consumer.config, done: consumer.ack_floor.stream_seq });
    }
    const lines: (StreamLine | MessageLine)[] = [{ config, consumers }];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await raw.jsm.streams.getMessage(config.name, { seq }).catch(() => undefined);
      if (message === undefined) continue;
      lines.push({
        subject: message.subject,
        headers: Object.fromEntries([...message.header].map(([key, values]) => [key, values[0] ?? ""])),
        data: Buffer.from(isJson(message.data) ? edit(message.string()) : message.data).toString("base64"),
      });
    }
    files.set(config.name, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  await raw.close();
  return files;
}

function isJson(data: Uint8Array): boolean {
  return data[0] === "{".charCodeAt(0);
}

/** Creates a stream from what `dumpStreams` exported. */
export async function restoreStream(url: string, file: string): Promise<void> {
  const raw = await connectRaw(url);
  const [first = "", ...messages] = file.trimEnd().split("\n");
  const { config, consumers } = JSON.parse(first) as StreamLine;
  await raw.jsm.streams.add(config);
  for (const line of messages) {
    const message = JSON.parse(line) as MessageLine;
    await raw.nc.request(message.subject, Buffer.from(message.data, "base64"), {
      headers: headersOf(message),
      timeout: 5_000,
    });
  }
  for (const consumer of consumers) await restoreConsumer(raw, config.name, consumer);
  await raw.close();
}

function headersOf(message: MessageLine): MsgHdrs {
  const head = headers();
  for (const [key, value] of Object.entries(message.headers)) if (!EXPECTED.test(key)) head.set(key, value);
  return head;
}

async function restoreConsumer(raw: RawNats, stream: string, { config, done }: StreamLine["consumers"][number]) {
  await raw.jsm.consumers.add(stream, { ...config, ack_policy: AckPolicy.Explicit });
  if (done === 0) return;
  const consumer = await raw.nc.jetstream().consumers.get(stream, config.durable_name ?? "");
  for await (const message of await consumer.fetch({ max_messages: done, expires: 5_000 })) await message.ackAck();
}
