import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface TakenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** An HTTP server of this process that answers what it is told to. */
export interface AnsweringServer {
  readonly url: string;
  /** All requests, in order. */
  readonly taken: TakenRequest[];
  /** Status, body and `Location` of the answers from now on; `silence`: none at all. */
  answer: { readonly status: number; readonly body?: string; readonly location?: string } | "silence";
  close(): Promise<void>;
}

export async function openAnsweringServer(): Promise<AnsweringServer> {
  const taken: TakenRequest[] = [];
  const http = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      taken.push({ method, url, authorization: headers.authorization, body });
      const { answer } = server;
      if (answer === "silence") return;
      const { status, location } = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end(answer.body ?? "{}");
    });
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  const server: AnsweringServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    taken,
    answer: { status: 200 },
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
  return server;
}
