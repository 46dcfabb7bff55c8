import type { Readable, Writable } from "node:stream";
import type { DeathCause } from "../inference.ts";

/** How a host ended. */
export interface HostEnd {
  readonly death: DeathCause;
  /** For example `killed by SIGSEGV`. */
  readonly detail: string;
}

/** One host: a process of which nothing is known but the bytes that it answers. */
export interface HostConnection {
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves once the host is gone and all that it wrote has been read or lost. */
  readonly ended: Promise<HostEnd>;
  /** Kills the host. */
  kill(): void;
}

/** Starts hosts. */
export interface HostConnector {
  /** @throws UncoupleError `unavailable` */
  connect(): Promise<HostConnection>;
}
