import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface TakenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly location?: string;
}

/** An HTTP server of this process that answers what it is told to. */
export interface AnsweringServer {
  readonly url: string;
  /** All requests, in order. */
  readonly taken: TakenRequest[];
  /** Status, body and `Location` of the answers from now on; `silence`: none at all; `cut`: the connection ends. */
  answer: Answer | "silence" | "cut" | ((request: TakenRequest) => Answer | "silence" | "cut");
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
      const got = { method, url, authorization: headers.authorization, body };
      taken.push(got);
      const answer = typeof server.answer === "function" ? server.answer(got) : server.answer;
      if (answer === "silence") return;
      if (answer === "cut") return request.socket.destroy();
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
