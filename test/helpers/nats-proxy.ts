import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What happens to a message that a client publishes. */
export type Fault =
  /** It does not reach the server, and the connection breaks. */
  | "lose"
  /** The server answers it, and the connection breaks before the answer arrives. */
  | "lose the answer"
  /** The server gets it twice, and answers both. */
  | "repeat"
  /** It and what follows reach the server later, by milliseconds. */
  | { readonly delayMs: number }
  /** It does not reach the server; the client is told that it may not publish on the subject. */
  | "deny"
  /** It does not reach the server; this JSON document is its answer. */
  | { readonly answer: unknown };

/** A TCP proxy in front of a NATS server that injects faults. */
export interface NatsProxy {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a proxy on a free port.
 * @param fault called for every message that a client publishes; undefined lets it pass
 */
export async function startNatsProxy(url: string, fault: (subject: string) => Fault | undefined): Promise<NatsProxy> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname);
    const cut = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    /** The inbox whose next message is lost with the connection, and what the server has sent since. */
    let losing: string | undefined;
    let held = Buffer.alloc(0);
    server.on("data", (data) => {
      if (losing === undefined) {
        client.write(data);
        return;
      }
      held = Buffer.concat([held, data]);
      if (held.includes(`MSG ${losing} `)) cut();
    });

    const subscriptions = new Map<string, string>();
    const answer = (inbox: string, document: unknown) => {
      const payload = JSON.stringify(document);
      const wildcard = inbox.replace(/[^.]+$/, "*");
      const id = subscriptions.get(inbox) ?? subscriptions.get(wildcard);
      client.write(`MSG ${inbox} ${id} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
    };
    let unread = Buffer.alloc(0);
    let waiting = false;
    const forward = () => {
      for (let frame = firstFrame(unread); frame !== undefined && !waiting; frame = firstFrame(unread)) {
        const { bytes } = frame;
        unread = unread.subarray(bytes.length);
        const [verb = "", subject = "", ...rest] = frame.words;
        if (verb === "SUB") subscriptions.set(subject, rest.at(-1) ?? "");
        const reply = rest[0] ?? "";
        const chosen = verb === "PUB" || verb === "HPUB" ? fault(subject) : undefined;
        if (chosen === "lose") return cut();
        if (chosen === "deny") {
          client.write(`-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`);
        } else if (typeof chosen === "object" && "answer" in chosen) {
          answer(reply, chosen.answer);
        } else if (typeof chosen === "object") {
          waiting = true;
          setTimeout(() => {
            waiting = false;
            if (!server.destroyed) server.write(bytes);
            forward();
          }, chosen.delayMs);
        } else {
          if (chosen === "lose the answer") losing = reply;
          server.write(bytes);
          if (chosen === "repeat") server.write(bytes);
        }
      }
    };
    client.on("data", (data) => {
      unread = Buffer.concat([unread, data]);
      forward();
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    async close() {
      listener.close();
      for (const socket of open) socket.destroy();
      await once(listener, "close");
    },
  };
}

/** The first whole frame of what a client has sent: a line, and a payload behind those that publish. */
function firstFrame(data: Buffer): { readonly words: readonly string[]; readonly bytes: Buffer } | undefined {
  const end = data.indexOf("\r\n");
  if (end < 0) return undefined;
  const words = data.toString("utf8", 0, end).split(" ");
  const publishes = words[0] === "PUB" || words[0] === "HPUB";
  const length = end + 2 + (publishes ? Number(words.at(-1)) + 2 : 0);
  return data.length < length ? undefined : { words, bytes: data.subarray(0, length) };
}
