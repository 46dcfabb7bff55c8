import type { StreamConfig } from "./stream-api.ts";
import type { StreamKind } from "./stream-config.ts";

/** What is wrong with the configuration of a stream. */
export interface StreamFault {
  /** Whether it loses data or keeps services from working; otherwise, it removes a protection. */
  readonly serious: boolean;
  /** What the stream does, to follow its name: `deletes messages older than 3600 s`. */
  readonly what: string;
  /** The setting that this version creates it with: `max_age: 0`; null if it cannot be changed. */
  readonly set: string | null;
}

/** What a chunk of a model takes, with its headers. */
const CHUNK_BYTES = 513 * 1024;

/**
 * Compares the configuration of a stream with what this version needs. What an administrator may choose is no fault: limits
 * of bytes that refuse new messages, replicas, compression, placement.
 */
export function streamFaults(kind: StreamKind, wanted: StreamConfig, config: StreamConfig): readonly StreamFault[] {
  const faults: StreamFault[] = [];
  const serious = (what: string, set: string | null) => void faults.push({ serious: true, what, set });
  const minor = (what: string, set: string | null) => void faults.push({ serious: false, what, set });
  const text = (key: string): string => {
    const value = config[key];
    return typeof value === "string" ? value : "";
  };
  const limit = (key: string): number | undefined => {
    const value = config[key];
    return typeof value === "number" && value > 0 ? value : undefined;
  };

  if (text("storage") !== "file") serious(`is kept in ${text("storage")}, which a restart of the server loses`, null);
  if (text("retention") !== "limits") serious("deletes messages that were read", null);
  if (config.sealed === true) serious("is sealed and takes no messages", null);
  if (config.mirror !== undefined) serious("mirrors another stream and takes no messages of its own", null);
  const missing = (wanted.subjects ?? []).filter((subject) => !(config.subjects ?? []).includes(subject));
  if (missing.length > 0) serious(`does not take ${missing.join(" and ")}`, `subjects: ${wanted.subjects?.join(", ")}`);
  if (config.no_ack === true) serious("does not acknowledge messages", "no_ack: false");

  const age = limit("max_age");
  if (age !== undefined) serious(`deletes messages older than ${age / 1e9} s`, "max_age: 0");
  for (const [key, unit] of [
    ["max_msgs", "messages"],
    ["max_bytes", "bytes"],
  ] as const) {
    const most = limit(key);
    if (most === undefined || text("discard") === "new") continue;
    serious(`deletes its oldest messages from ${most} ${unit} on`, `${key}: -1, or discard: new`);
  }
  const perSubject = limit("max_msgs_per_subject");
  const wantsOne = wanted.max_msgs_per_subject === 1;
  if (!wantsOne && perSubject !== undefined) {
    serious(`keeps only the newest ${perSubject} messages of a subject`, "max_msgs_per_subject: -1");
  }
  if (kind === "snapshots") {
    const { discard, discard_new_per_subject: refuses } = wanted;
    if (perSubject !== 1 || config.discard !== discard || config.discard_new_per_subject !== refuses) {
      minor(
        "takes several announcements of one serial, of which only the first counts",
        "max_msgs_per_subject: 1, discard: new, discard_new_per_subject: true",
      );
    }
  } else if (wantsOne && perSubject !== 1) {
    minor("keeps records that newer ones replaced", "max_msgs_per_subject: 1");
  }
  const size = limit("max_msg_size");
  if (size !== undefined && (kind !== "models" || size < CHUNK_BYTES)) {
    const refuses = `refuses messages larger than ${size} bytes`;
    if (kind === "models") serious(refuses, "max_msg_size: -1");
    else minor(refuses, "max_msg_size: -1");
  }
  if (kind === "models" && config.allow_direct !== true)
    serious("does not serve reads of models", "allow_direct: true");
  if (config.allow_rollup_hdrs === true) {
    minor("lets whoever may write to it delete all of it", "allow_rollup_hdrs: false");
  }
  for (const key of ["deny_delete", "deny_purge"]) {
    // It cannot be taken back, so it can be set on an existing stream.
    if (wanted[key] === true && config[key] !== true) minor("lets an administrator delete messages", `${key}: true`);
  }
  return faults;
}
