import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import pLimit from "p-limit";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { HostConnector, HostEnd } from "./host-connector.ts";
import { encodeEnd, wrapOutput } from "./relayed-end.ts";

export interface ServeHostsOptions {
  /** Of the Unix socket; a socket that a killed process has left there is replaced. */
  readonly path: string;
  readonly connector: HostConnector;
  /** Most hosts at a time. A client that waits too long for one is refused. */
  readonly maxHosts: number;
  readonly clock: Clock;
  /** Called with what went wrong when no host could be started. */
  onFailure(error: unknown): void;
}

/** A supervisor: each connection to its socket gets a host of its own, which is killed when the connection closes. */
export interface HostServer {
  /** Resolves once all hosts are gone. */
  close(): Promise<void>;
}

/** How long a client waits for a place: one that replaces a host comes before the old one is gone. */
const WAIT_MS = 5000;
/** How often a client that may have left is written to. */
const PROBE_MS = 1000;
const NOTHING = Buffer.alloc(0);

/** @throws UncoupleError `failed-precondition` if the socket cannot be bound */
export async function serveHosts(options: ServeHostsOptions): Promise<HostServer> {
  const { path, connector, maxHosts, clock, onFailure } = options;
  const inTurn = pLimit(maxHosts);
  const sockets = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const refusal = clock.after(WAIT_MS, () => {
      const detail = `${path} has its maximum of ${maxHosts} hosts; raise --max-hosts of uncouple inference-host`;
      finish(socket, { death: "crash", detail });
    });
    const served = inTurn(async () => {
      refusal.cancel();
      if (socket.writable) await serve(socket, connector, clock);
    })
      .catch((thrown: unknown) => {
        socket.destroy();
        onFailure(thrown);
      })
      .finally(() => serving.delete(served));
    serving.add(served);
  });
  await rm(path, { force: true });
  await bound(server, path);
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, ...serving]);
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

async function serve(socket: Socket, connector: HostConnector, clock: Clock): Promise<void> {
  const left = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  const host = await connector.connect();
  const output = wrapOutput();
  // A socket that waits for a host that reads nothing does not see that its client has left; writing to it does.
  const probe = clock.every(
    PROBE_MS,
    () => {
      if (!output.writableNeedDrain) output.write(NOTHING);
    },
    { keepsAlive: false },
  );
  void left.then(() => {
    host.kill();
    // A process counts as ended once all that it wrote has been read.
    host.output.unpipe(output);
    host.output.resume();
  });
  socket.pipe(host.input);
  host.output.pipe(output);
  output.pipe(socket, { end: false });
  const drained = new Promise((resolve) => output.once("end", resolve));
  const end = await host.ended;
  probe.cancel();
  output.end();
  await Promise.race([drained, left]);
  socket.unpipe(host.input);
  finish(socket, end);
}

function finish(socket: Socket, end: HostEnd): void {
  // Otherwise, the end of the connection would never be read.
  socket.resume();
  socket.end(encodeEnd(end));
}
