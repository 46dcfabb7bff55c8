import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A TCP forwarder with faults. Cut, it drops every connection and refuses new ones. */
export interface CuttableLink {
  readonly port: number;
  /** Connections that were accepted. */
  connections(): number;
  cut(): void;
  /** Ends every fault. */
  mend(): void;
  /** Half-open: every connection stays, and nothing arrives until the link is mended. */
  freeze(): void;
  /** Limits both directions of all connections together. */
  throttle(bytesPerSecond: number): void;
  /** Lets this many bytes more pass, in both directions together, then drops every connection once. */
  cutAfter(bytes: number): void;
  /** Lets everything pass to the target and nothing back. */
  loseAnswers(): void;
  close(): Promise<void>;
}

/** @param target a port of 127.0.0.1 */
export async function openLink(target: number): Promise<CuttableLink> {
  const open = new Set<Socket>();
  let state: "whole" | "cut" | "frozen" | "deaf" = "whole";
  let rate = Number.POSITIVE_INFINITY;
  let free = 0;
  let left = Number.POSITIVE_INFINITY;
  let accepted = 0;
  const drop = () => {
    for (const socket of open) socket.destroy();
  };

  async function forward(from: Socket, to: Socket, forth: boolean): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (Number.isFinite(rate)) {
        const start = Math.max(performance.now(), free);
        free = start + (1000 * chunk.length) / rate;
        await sleep(free - performance.now());
      }
      while (state === "frozen") await sleep(5);
      if (state === "deaf" && !forth) continue;
      left -= chunk.length;
      if (left < 0) {
        left = Number.POSITIVE_INFINITY;
        drop();
        return;
      }
      if (!to.write(chunk)) await once(to, "drain");
    }
    to.end();
  }

  const listener = createServer((near) => {
    accepted += 1;
    if (state === "cut") {
      near.destroy();
      return;
    }
    const far = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      forward(socket, other, socket === near).catch(() => {});
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    connections: () => accepted,
    cut() {
      state = "cut";
      drop();
    },
    mend() {
      state = "whole";
      rate = Number.POSITIVE_INFINITY;
      left = Number.POSITIVE_INFINITY;
    },
    freeze() {
      state = "frozen";
    },
    throttle(bytesPerSecond) {
      rate = bytesPerSecond;
    },
    cutAfter(bytes) {
      left = bytes;
    },
    loseAnswers() {
      state = "deaf";
    },
    async close() {
      listener.close();
      drop();
      await once(listener, "close");
    },
  };
}
