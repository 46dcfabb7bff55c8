import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { findNatsServer, installNatsServer } from "./find-nats-server.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";
import type { Supervised, Supervisor } from "./supervisor.ts";

export interface NatsChoice {
  /** A server that runs already: NATS_URL. */
  readonly url: string | undefined;
  /** Whether a server of our own comes before that one. */
  readonly preferOwn: boolean;
  /** With the PATH that is searched. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onEvent: (line: string) => void;
}

/** A NATS server of the user's, or the executable for one of our own. */
export type NatsFound = { readonly url: string } | { readonly binary: string };

/**
 * The server in NATS_URL; or nats-server on the PATH; or, on Debian and Ubuntu as root, its package, installed now.
 * @returns `missing`: a sentence that says how to get one
 */
export async function chooseNats(choice: NatsChoice): Promise<NatsFound | { readonly missing: string }> {
  const { env, clock, url, preferOwn } = choice;
  const running = url === undefined ? undefined : { url };
  if (running !== undefined && !preferOwn) return running;
  const found = await findNatsServer(env.PATH);
  if (found !== undefined) return { binary: found };
  if (running !== undefined) return running;
  const { platform } = process;
  const installation = await installNatsServer({ platform, uid: process.getuid?.(), env, clock, log: choice.onEvent });
  const installed = await findNatsServer(env.PATH);
  if (installed !== undefined) return { binary: installed };
  return { missing: installation.installed ? "nats-server was installed, but is not on the PATH" : installation.how };
}

/** @returns the URL; the server is the supervisor's to keep and to stop */
export async function superviseNats(
  supervisor: Supervisor,
  binary: string,
  dir: string,
  clock: Clock,
): Promise<string> {
  const start = async (previous: (Supervised & { readonly server: NatsServer }) | undefined) => {
    const port = previous === undefined ? 0 : Number(new URL(previous.server.url).port);
    const server = await startNatsServer({ binary, storeDir: join(dir, "nats"), port, clock });
    return {
      server,
      ended: server.exited.then(() => `ended; its log is ${server.logFile}`),
      stop: () => server.stop(),
    };
  };
  return (await supervisor.run("nats-server", start)).server.url;
}

export function noNats(how: string): UncoupleError {
  return new UncoupleError("failed-precondition", `there is no nats-server: ${how}`);
}
