import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { timeoutSignal } from "../../common/async/timeout-signal.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { serverInfo } from "./server-info.ts";

/** Whether a NATS server syncs a message to disk before it acknowledges it, so that a power cut loses nothing. */
export interface Durability {
  /** The executable or address. */
  readonly server: string;
  /** `2.10.1`; null: unknown. */
  readonly version: string | null;
  /** null: unknown. */
  readonly syncsFirst: boolean | null;
  /** What it means and what to do, in one sentence. */
  readonly detail: string;
}

/** The first version that knows `sync_interval: always` in its `jetstream` block. */
const FIRST_WITH_SYNC = [2, 10] as const;
const TIMEOUT_MS = 5_000;
const run = promisify(execFile);

const TOO_OLD =
  "acknowledges before it syncs to disk, so a power cut can lose snapshots and verdicts that were announced; use 2.10 or newer in production";

/** Whether a server of this version can sync before it acknowledges. @param version `2.10.1` */
export function canSyncFirst(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > FIRST_WITH_SYNC[0] || (major === FIRST_WITH_SYNC[0] && minor >= FIRST_WITH_SYNC[1]);
}

/** The version of a nats-server executable, `2.10.1`; undefined if it does not say. */
export async function natsServerVersion(binary: string): Promise<string | undefined> {
  const { stdout } = await run(binary, ["--version"], { timeout: TIMEOUT_MS }).catch(() => ({ stdout: "" }));
  return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
}

/** The durability of the server that `uncouple up` would start from this executable. */
export async function durabilityOfOwn(binary: string): Promise<Durability> {
  const version = (await natsServerVersion(binary)) ?? null;
  const syncsFirst = version !== null && canSyncFirst(version);
  const detail = syncsFirst ? "`uncouple up` starts it with sync_interval: always" : TOO_OLD;
  return { server: binary, version, syncsFirst, detail };
}

/**
 * The durability of a running server. Clients cannot see its configuration; its monitoring port tells.
 * @param url `nats://host:port` @param monitor `http://host:8222`, if known
 */
export async function durabilityOfRunning(url: string, monitor: string | undefined, clock: Clock): Promise<Durability> {
  const version = (await serverInfo(url))?.version ?? null;
  const known = (syncsFirst: boolean | null, detail: string): Durability => ({
    server: url,
    version,
    syncsFirst,
    detail,
  });
  if (version === null) return known(null, "no NATS server answers there");
  if (!canSyncFirst(version)) return known(false, TOO_OLD);
  if (monitor === undefined) {
    return known(null, "cannot be seen by a client; give its monitoring address with --nats-monitor http://HOST:8222");
  }
  const always = await syncsAlways(monitor, clock);
  if (always === undefined) return known(null, `${monitor} does not answer as a NATS server's monitoring port`);
  return always
    ? known(true, "syncs each message to disk before it acknowledges it")
    : known(
        false,
        "acknowledges before it syncs to disk; set sync_interval: always in its jetstream block, or a power cut can lose what was announced",
      );
}

/** `/jsz` of the monitoring port: `config.sync_always`. @returns undefined if it does not say */
export async function syncsAlways(monitor: string, clock: Clock): Promise<boolean | undefined> {
  const timeout = timeoutSignal(clock, TIMEOUT_MS, new UncoupleError("deadline-exceeded", "the monitoring port"));
  try {
    const response = await fetch(new URL("/jsz?config=true", monitor), { signal: timeout.signal });
    const { config } = (await response.json()) as { config?: { sync_always?: boolean } };
    return config === undefined ? undefined : config.sync_always === true;
  } catch {
    return undefined;
  } finally {
    timeout.dispose();
  }
}
