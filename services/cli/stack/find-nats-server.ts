import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Folders where packages install servers, often missing from a regular user's PATH. */
export const SERVER_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/sbin"] as const;

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

/** What decides how a user gets nats-server. */
export interface Machine {
  /** `process.platform` */
  readonly platform: string;
  /** `process.getuid?.()` */
  readonly uid: number | undefined;
  /** Whether apt has the package: on Debian, Ubuntu and what derives from them. */
  readonly debian: boolean;
}

/** Describes this machine. @param host the process */
export async function thisMachine(host: Pick<NodeJS.Process, "platform" | "getuid">): Promise<Machine> {
  const { platform } = host;
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const debian = platform === "linux" && /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
  return { platform, uid: host.getuid?.(), debian };
}

/** One line on how to get nats-server. */
export function howToGetNats({ platform, uid, debian }: Machine): string {
  if (platform === "darwin") return "install it with: brew install nats-server";
  const elsewhere =
    "download it from https://nats.io/download and put it on the PATH, or set NATS_URL to a server with JetStream";
  if (!debian) return elsewhere;
  const commands = "apt-get update && apt-get install --yes nats-server";
  return `install it with: ${uid === 0 ? commands : `sudo sh -c '${commands}'`}, or ${elsewhere}`;
}
