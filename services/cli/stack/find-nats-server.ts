import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../common/clock/clock.ts";

/** Folders where packages install servers, often missing from a regular user's PATH. */
const SERVER_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/sbin"] as const;

/**
 * Finds the nats-server executable.
 * @param path the value of the PATH variable
 * @param folders searched after it
 */
export async function findNatsServer(
  path: string | undefined,
  folders: readonly string[] = SERVER_FOLDERS,
): Promise<string | undefined> {
  const places = [...(path ?? "").split(delimiter).filter((folder) => folder !== ""), ...folders];
  for (const folder of places) {
    const file = join(folder, "nats-server");
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return file;
    }
  }
  return undefined;
}

export interface InstallOptions {
  /** `process.platform` */
  readonly platform: string;
  /** `process.getuid?.()` */
  readonly uid: number | undefined;
  /** Environment of apt-get: PATH, and proxy settings if needed. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Called before the installation starts. */
  readonly log: (line: string) => void;
}

export type Installation = { readonly installed: true } | { readonly installed: false; readonly how: string };

const run = promisify(execFile);
/** Another package manager, or another process of Uncouple, may hold the lock. */
const TRIES = 5;
const APT_TIMEOUT_MS = 180_000;

/**
 * Installs the nats-server package on Debian and Ubuntu, as root. With systemd, the package also starts a server on
 * port 4222, which is not used here. On other systems, or if the installation fails, returns one line on how to get it.
 */
export async function installNatsServer(options: InstallOptions): Promise<Installation> {
  if (options.platform === "darwin") return { installed: false, how: "install it with: brew install nats-server" };
  const elsewhere =
    "download it from https://nats.io/download and put it on the PATH, or set NATS_URL to a server with JetStream";
  if (options.platform !== "linux" || !(await isDebian())) return { installed: false, how: elsewhere };
  const commands = "apt-get update && apt-get install --yes nats-server";
  if (options.uid !== 0) return { installed: false, how: `install it with: sudo sh -c '${commands}', or ${elsewhere}` };
  options.log(`nats-server not found; installing it: ${commands}`);
  const env = { ...options.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    run("apt-get", ["--quiet", "-o", "DPkg::Lock::Timeout=120", ...args], { env, timeout: APT_TIMEOUT_MS });
  let reason = "";
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      await apt("update");
      await apt("install", "--yes", "--no-install-recommends", "nats-server");
      return { installed: true };
    } catch (error) {
      if ((await findNatsServer(options.env.PATH)) !== undefined) return { installed: true };
      reason = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
      if (!/lock/i.test(error instanceof Error ? error.message : "")) break;
      await options.clock.sleep(2_000 * attempt);
    }
  }
  return { installed: false, how: `apt-get failed to install it (${reason}); ${elsewhere}` };
}

async function isDebian(): Promise<boolean> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
}
