import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const tls = join(import.meta.dirname, "../tls");

/** The CA of the server's certificate. */
export const HTTPS_CA = join(tls, "ca.pem");

/** Serves a folder over HTTPS, with ranges, as object stores and web servers do. */
export async function serveHttps(folder: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer({
    cert: await readFile(join(tls, "server.pem")),
    key: await readFile(join(tls, "server.key")),
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = join(folder, new URL(request.url ?? "/", "https://localhost").pathname);
    const [bytes, at] = await Promise.all([readFile(path), stat(path)]).catch(() => []);
    if (bytes === undefined || at === undefined) {
      response.writeHead(404).end();
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const [from, to] =
      range === null ? [0, bytes.length] : [Number(range[1]), range[2] ? Number(range[2]) + 1 : bytes.length];
    const part = bytes.subarray(from, to);
    response.writeHead(range === null ? 200 : 206, {
      "accept-ranges": "bytes",
      "content-length": part.length,
      "last-modified": at.mtime.toUTCString(),
      etag: `"${at.mtimeMs}"`,
      ...(range !== null && { "content-range": `bytes ${from}-${from + part.length - 1}/${bytes.length}` }),
    });
    response.end(request.method === "HEAD" ? undefined : part);
  };
  server.on("request", (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
