import { connect } from "node:net";

export interface ServerInfo {
  readonly id: string;
  /** `2.10.1` */
  readonly version: string;
  readonly jetstream: boolean;
}

/** Reads the INFO message of a NATS server, which needs no credentials; undefined if no NATS server responds. */
export async function serverInfo(url: string): Promise<ServerInfo | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), timeout: 2_000 });
  try {
    let greeting = "";
    socket.setEncoding("utf8");
    socket.once("timeout", () => socket.destroy());
    for await (const text of socket) {
      greeting += text;
      if (greeting.includes("\r\n")) break;
    }
    if (!greeting.startsWith("INFO ")) return undefined;
    const info = JSON.parse(greeting.slice(5, greeting.indexOf("\r\n"))) as {
      server_id?: string;
      version?: string;
      jetstream?: boolean;
    };
    return { id: info.server_id ?? "", version: info.version ?? "", jetstream: info.jetstream === true };
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
