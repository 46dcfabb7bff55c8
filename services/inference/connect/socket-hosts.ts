import { connect, type Socket } from "node:net";
import { hostUnavailable } from "../inference.ts";
import type { HostConnector, HostEnd } from "./host-connector.ts";
import { unwrapOutput } from "./relayed-end.ts";

/** Each connection to the socket of `uncouple inference-host` is a host, which ends with it. */
export function socketHosts(path: string): HostConnector {
  return {
    async connect() {
      const socket = await opened(path);
      let end: HostEnd = { death: "crash", detail: "the connection to its inference host broke" };
      const output = unwrapOutput((told) => {
        end = told;
      });
      const ended = new Promise<HostEnd>((resolve) => {
        // Once everything is unwrapped.
        output.once("close", () => resolve(end));
        socket.once("close", () => output.end(() => output.destroy()));
      });
      socket.on("error", () => {});
      socket.pipe(output, { end: false });
      return { input: socket, output, ended, kill: () => void socket.destroy() };
    },
  };
}

function opened(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const refuse = (error: Error) => reject(hostUnavailable(`no inference host at ${path}: ${error.message}`, error));
    socket.once("error", refuse);
    socket.once("connect", () => {
      socket.off("error", refuse);
      resolve(socket);
    });
  });
}
