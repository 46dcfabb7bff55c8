import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock } from "../../common/clock/clock.ts";
import { findNatsServer, howToGetNats, type Machine } from "./find-nats-server.ts";

export interface InstallOptions {
  readonly machine: Machine;
  /** Environment of apt-get: PATH, and proxy settings if needed. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Called with the commands before they run. */
  readonly log: (line: string) => void;
}

const run = promisify(execFile);
/** Another package manager, or another process of Uncouple, may hold the lock. */
const TRIES = 5;
const APT_TIMEOUT_MS = 180_000;
const APT = ["--quiet", "-o", "DPkg::Lock::Timeout=120"] as const;
const COMMANDS = [
  [...APT, "update"],
  [...APT, "install", "--yes", "--no-install-recommends", "nats-server"],
] as const;

/**
 * Installs the nats-server package on Debian and Ubuntu, as root. With systemd, the package also starts a server on
 * port 4222, which is not used here. Only `npm start` and `npm test` call it; services and `uncouple up` never do.
 * @returns the executable, or one line on how to get it on other systems or after a failure
 */
export async function installNatsServer(
  options: InstallOptions,
): Promise<{ readonly binary: string } | { readonly missing: string }> {
  const { machine, clock } = options;
  if (!machine.debian || machine.uid !== 0) return { missing: howToGetNats(machine) };
  const env = { ...options.env, DEBIAN_FRONTEND: "noninteractive" };
  const commands = COMMANDS.map((args) => ["apt-get", ...args].join(" "));
  options.log(`nats-server not found; running: ${commands.join(" && ")}`);
  const failed = (reason: string) => ({ missing: `apt-get failed (${reason}); ${howToGetNats(machine)}` });
  for (let attempt = 1; ; attempt++) {
    try {
      for (const args of COMMANDS) await run("apt-get", args, { env, timeout: APT_TIMEOUT_MS });
      const binary = await findNatsServer(options.env.PATH);
      return binary === undefined ? failed("the package has no nats-server on the PATH") : { binary };
    } catch (error) {
      // The message quotes the command line, in which there is a lock, too.
      const { stderr = "", message } = error as { readonly stderr?: string; readonly message: string };
      const reason = stderr.trim().split("\n").at(-1) || message;
      if (!/lock/i.test(stderr) || attempt === TRIES) return failed(reason);
      await clock.sleep(2_000 * attempt);
      // Whoever held the lock may have installed it.
      const binary = await findNatsServer(options.env.PATH);
      if (binary !== undefined) return { binary };
    }
  }
}
