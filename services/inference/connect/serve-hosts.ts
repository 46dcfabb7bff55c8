import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { UncoupleError } from "../../common/errors.ts";
import type { HostConnector } from "./host-connector.ts";
import { encodeEnd, wrapOutput } from "./relayed-end.ts";

export interface ServeHostsOptions {
  /** Of the Unix socket; a socket that a killed process has left there is replaced. */
  readonly path: string;
  readonly connector: HostConnector;
  /** Called with what went wrong when no host could be started. */
  onFailure(error: unknown): void;
}

/** A supervisor: each connection to its socket gets a host of its own, which is killed when the connection closes. */
export interface HostServer {
  /** Resolves once all hosts are gone. */
  close(): Promise<void>;
}

/** @throws UncoupleError `failed-precondition` if the socket cannot be bound */
export async function serveHosts({ path, connector, onFailure }: ServeHostsOptions): Promise<HostServer> {
  const serving = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    const served = serve(socket, connector)
      .catch((thrown: unknown) => {
        socket.destroy();
        onFailure(thrown);
      })
      .finally(() => serving.delete(socket));
    serving.set(socket, served);
  });
  await rm(path, { force: true });
  await bound(server, path);
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      const all = [...serving.values()];
      for (const socket of serving.keys()) socket.destroy();
      await Promise.all([closed, ...all]);
    },
  };
}

function bound(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new UncoupleError("failed-precondition", `cannot listen on ${path}: ${error.message}`, { cause: error })),
    );
    server.listen({ path, readableAll: true, writableAll: true }, resolve);
  });
}

async function serve(socket: Socket, connector: HostConnector): Promise<void> {
  socket.on("error", () => {});
  const left = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  const host = await connector.connect();
  void left.then(() => host.kill());
  const output = wrapOutput();
  socket.pipe(host.input);
  host.output.pipe(output);
  output.pipe(socket, { end: false });
  const drained = new Promise((resolve) => output.once("end", resolve));
  const end = await host.ended;
  output.end();
  await Promise.race([drained, left]);
  socket.end(encodeEnd(end));
}
