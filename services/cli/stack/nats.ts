import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { findNatsServer, howToGetNats, thisMachine } from "./find-nats-server.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";
import type { Supervised, Supervisor } from "./supervisor.ts";

export interface NatsChoice {
  /** A running server: NATS_URL. */
  readonly url: string | undefined;
  /** Whether to prefer a server of our own over `url`. */
  readonly preferOwn: boolean;
  /** Contains the PATH to search. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Name of the server among the parts of a stack. */
const NATS_SERVER = "nats-server";

/** A running NATS server, or the executable to start one. */
export type NatsFound = { readonly url: string } | { readonly binary: string };

/**
 * Chooses the server in NATS_URL, or nats-server on the PATH. Installs nothing.
 * @returns `missing` if none was found: how to get one
 */
export async function chooseNats(choice: NatsChoice): Promise<NatsFound | { readonly missing: string }> {
  const { env, url, preferOwn } = choice;
  const running = url === undefined ? undefined : { url };
  if (running !== undefined && !preferOwn) return running;
  const binary = await findNatsServer(env.PATH);
  if (binary !== undefined) return { binary };
  return running ?? { missing: howToGetNats(await thisMachine(process)) };
}

/**
 * Starts a NATS server under the supervisor, which restarts and stops it.
 * @param onStart called with the process of each start
 * @returns its URL
 */
export async function superviseNats(
  supervisor: Supervisor,
  binary: string,
  dir: string,
  clock: Clock,
  onStart: (name: string, pid: number) => void = () => {},
): Promise<string> {
  const start = async (previous: (Supervised & { readonly server: NatsServer }) | undefined) => {
    const port = previous === undefined ? 0 : Number(new URL(previous.server.url).port);
    const server = await startNatsServer({ binary, storeDir: join(dir, "nats"), port, clock });
    onStart(NATS_SERVER, server.pid);
    return {
      server,
      ended: server.exited.then(() => `exited (log: ${server.logFile})`),
      stop: () => server.stop(),
    };
  };
  return (await supervisor.run(NATS_SERVER, start)).server.url;
}

export function natsNotFound(how: string): UncoupleError {
  return new UncoupleError("failed-precondition", `nats-server not found: ${how}`);
}
