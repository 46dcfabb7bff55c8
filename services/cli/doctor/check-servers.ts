import type { Durability } from "../stack/durability.ts";
import { type Check, checksOf } from "./check.ts";

const versions = checksOf("versions");
const sync = checksOf("sync");
/** The oldest nats-server that this version runs on. */
const OLDEST = [2, 9] as const;

/** Whether each server's version is one that this program runs on, and keeps what it acknowledged through a power cut. */
export function checkServers(servers: readonly Durability[]): readonly Check[] {
  return servers.flatMap((server) => [checkVersion(server), checkSync(server)]);
}

function checkVersion({ server, version }: Durability): Check {
  const name = `nats-server at ${server}`;
  if (version === null)
    return versions.failure(name, "tells no version: no NATS server answers", "start it, or correct --nats");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (!isOld) return versions.ok(name, version);
  return versions.failure(name, `${version} is older than ${OLDEST.join(".")}`, "install 2.10 or newer");
}

function checkSync({ server, version, syncsFirst, detail }: Durability): Check {
  const name = `nats-server at ${server}`;
  if (syncsFirst === true) return sync.ok(name, detail);
  if (version === null) return sync.unknown(name, detail, null);
  if (syncsFirst === null) {
    return sync.unknown(name, "a client cannot see it", "give its monitoring address: --nats-monitor http://HOST:8222");
  }
  return sync.warning(
    name,
    "acknowledges before it syncs to disk, so that a power cut loses what was announced last",
    "use 2.10 or newer with sync_interval: always in its jetstream block",
  );
}
