import { connect, type Socket } from "node:net";

export interface ServerInfo {
  readonly id: string;
  /** `2.10.1` */
  readonly version: string;
  readonly jetstream: boolean;
  /** Whether it takes connections over TLS. */
  readonly tls: boolean;
}

const TIMEOUT_MS = 2_000;
const DEFAULT_PORT = 4222;

/** Reads the INFO message of a NATS server, which needs no credentials; undefined if no NATS server responds. */
export async function serverInfo(url: string): Promise<ServerInfo | undefined> {
  const socket = connectNats(url);
  try {
    return await greeting(socket);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** @param url `nats://host[:port]` @returns a socket that closes if nothing happens on it for two seconds */
export function connectNats(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: port === "" ? DEFAULT_PORT : Number(port), timeout: TIMEOUT_MS });
  socket.once("timeout", () => socket.destroy());
  return socket;
}

/**
 * Reads the first message of a server, and nothing after it.
 * @returns undefined if it is not that of a NATS server
 * @throws what the socket throws; SyntaxError
 */
export function greeting(socket: Socket): Promise<ServerInfo | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    const hear = (bytes: Buffer) => {
      text += bytes.toString();
      if (!text.includes("\r\n")) return;
      socket.off("data", hear);
      socket.pause();
      try {
        resolve(parseInfo(text));
      } catch (error) {
        reject(error);
      }
    };
    socket.on("data", hear);
    socket.once("error", reject);
    socket.once("close", () => resolve(undefined));
  });
}

function parseInfo(text: string): ServerInfo | undefined {
  if (!text.startsWith("INFO ")) return undefined;
  const info = JSON.parse(text.slice(5, text.indexOf("\r\n"))) as {
    server_id?: string;
    version?: string;
    jetstream?: boolean;
    tls_required?: boolean;
    tls_available?: boolean;
  };
  return {
    id: info.server_id ?? "",
    version: info.version ?? "",
    jetstream: info.jetstream === true,
    tls: info.tls_required === true || info.tls_available === true,
  };
}
