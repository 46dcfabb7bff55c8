import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly body: {
    readonly event: string;
    readonly position: number;
    readonly text: string;
    readonly pipeline: string;
  };
}

/** A real HTTP server on this machine. */
export interface WebhookReceiver {
  readonly port: number;
  readonly url: string;
  /** All requests that came in, acknowledged or not. */
  readonly received: Received[];
  /** What it answers to a request; default: 204. */
  answer: (response: ServerResponse, request: Received) => void;
  stop(): Promise<void>;
}

/** @param port to listen on; a free one by default */
export async function startReceiver(port = 0, path = "/hook"): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    request.on("end", () => {
      const one = { path: request.url ?? "", headers: request.headers, text, body: JSON.parse(text) };
      received.push(one);
      receiver.answer(response, one);
    });
  });
  await new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : port;
  const receiver: WebhookReceiver = {
    port: taken,
    url: `http://127.0.0.1:${taken}${path}`,
    received,
    answer: (response) => void response.writeHead(204).end(),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

const docs = await readFile(new URL("../../docs/webhooks.md", import.meta.url), "utf8");
const [, example = ""] = /```js\n(.*?)```/s.exec(docs) ?? [];
const { isFromUncouple } = (await import(`data:text/javascript,${encodeURIComponent(example)}`)) as {
  isFromUncouple(header: string, rawBody: string, secret: string, now: number): boolean;
};

/** Whether a request was signed with this key within five minutes of `now`, by the example in docs/webhooks.md. */
export function isSigned({ headers, text }: Pick<Received, "headers" | "text">, secret: string, now: number): boolean {
  return isFromUncouple(String(headers["uncouple-signature"]), text, secret, now);
}
