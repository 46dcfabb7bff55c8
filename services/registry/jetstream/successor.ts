import { retry } from "../../common/async/retry.ts";
import { UncoupleError } from "../../common/errors.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import { isFrozen, successorOf } from "./log-stream.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { findStream, readMessage, type StreamConfig, type StreamState, store } from "./stream-api.ts";
import { type CompactedLogNames, isOpen } from "./streams.ts";
import { Difference, verifyCopy } from "./verify-copy.ts";

/** How long an outage may last before a succession is left to the next call. */
const LIMIT_MS = 60_000;
/** How long a copy may make no progress. */
const STALLED_MS = 30_000;
const POLL_MS = 20;
/** Messages that are left to compare while appends wait. */
const FEW = 100;
/**
 * How long the first stream stays beside its successor: readers change over at its pointer within seconds. Programs from
 * before compaction do not know pointers and would read old entries until the stream is gone, when they stop with `data-loss`.
 */
const KEPT_MS = 10 * 60_000;

export interface SuccessionDeps {
  readonly connection: NatsConnection;
  readonly log: EventLogger;
  readonly names: CompactedLogNames;
}

/**
 * Returns a stream of the log that messages can be deleted from. Streams of version 0.1.0 refuse that, which cannot be
 * changed, so such a stream first gets a successor. The server copies it message by message; since it has no gaps, all
 * sequence numbers stay the same. The steps, each of which can be the last one of a process:
 *
 * 1. Create the successor, which has the first stream as its source and no subjects.
 * 2. Compare what it has copied.
 * 3. Freeze the first stream: it takes only pointers. Until step 6, appends to the log find no stream and are retried.
 * 4. Append a pointer, at which readers change over. It is copied, too. Once it is stored, whatever the stream had accepted
 *    before it was frozen is stored as well.
 * 5. Compare the rest.
 * 6. Open the successor: it takes the log's messages and has no source.
 * 7. Ten minutes later, delete the first stream. A reader that has missed the pointer finds the successor by its name.
 *
 * The configurations of the two streams say how far an earlier process came, so calling it again goes on from there, also while
 * another process does the same.
 *
 * @throws UncoupleError `failed-precondition` if the stream cannot be copied; `data-loss` if the copy has other messages;
 *   `unavailable`; the signal's reason
 */
export function deletableStream(deps: SuccessionDeps, signal: AbortSignal): Promise<string> {
  return retry(retryPolicy(deps.connection, LIMIT_MS, signal), () => attempt(deps, signal));
}

/** Completes a succession that an earlier process has begun. */
export async function resumeSuccession(deps: SuccessionDeps, signal: AbortSignal): Promise<void> {
  const { connection, names } = deps;
  if ((await findStream(connection, names.successor.stream)) !== undefined) await deletableStream(deps, signal);
}

async function attempt(deps: SuccessionDeps, signal: AbortSignal): Promise<string> {
  const { connection, log, names } = deps;
  const { stream, successor } = names;
  for (let failed = 0; ; ) {
    const first = await findStream(connection, stream);
    const next = await findStream(connection, successor.stream);
    signal.throwIfAborted();
    if (next !== undefined && isOpen(next.config)) {
      if (first !== undefined) await retire(deps, first);
      return successor.stream;
    }
    if (first === undefined) throw cannot(deps, `there is no ${stream}`);
    if (first.config.deny_delete !== true) return stream;
    checkFirst(deps, first);
    if (next === undefined) {
      await create(deps, first);
      log("info", `${successor.stream} copies ${stream}`);
      continue;
    }
    if (next.config.description !== successorOf(stream, first.created)) {
      throw cannot(deps, `there is a ${successor.stream} of another stream; delete it if nothing needs it`);
    }
    try {
      await copy(deps, first, signal);
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      await discard(deps, first, signal);
      if (++failed === 2) throw error;
      log("warn", `${error.message}; copying it again`);
    }
  }
}

/** Steps 2 to 6. */
async function copy(deps: SuccessionDeps, first: StreamState, signal: AbortSignal): Promise<void> {
  const { connection, log, names } = deps;
  const { stream, subject, successor } = names;
  let compared = 0;
  /** @returns how many messages have been compared */
  const compareNew = async (): Promise<number> => {
    const from = compared + 1;
    compared = (await findStream(connection, stream))?.lastSequence ?? compared;
    await caughtUp(deps, compared, signal);
    await verifyCopy(connection, stream, successor.stream, { from, to: compared }, signal);
    return compared - from + 1;
  };
  // Appends wait for the rest.
  while ((await compareNew()) > FEW);
  log("info", `${successor.stream} has ${compared} messages of ${stream}`);

  if (!isFrozen(first, successor)) {
    await connection.api(`STREAM.UPDATE.${stream}`, { ...first.config, subjects: [successor.pointer] });
    log("info", `${stream} takes no more messages`);
  }
  await point(deps);
  log("info", `${stream} ends with a pointer at ${successor.stream}`);
  await compareNew();
  log("info", `${successor.stream} has all ${compared} messages of ${stream}`);

  signal.throwIfAborted();
  const copied = await findStream(connection, successor.stream);
  if (copied === undefined || isOpen(copied.config)) return;
  const { sources: _, ...rest } = copied.config;
  const opened = { ...rest, subjects: [`${subject}.>`], deny_delete: false, deny_purge: true };
  await connection.api(`STREAM.UPDATE.${successor.stream}`, opened);
  log("info", `${successor.stream} takes the messages of ${subject} from now on`);
}

/** Makes a pointer the last message of the first stream, which is frozen. */
async function point({ connection, names }: SuccessionDeps): Promise<void> {
  const { stream, successor } = names;
  const last = await readMessage(connection, stream, { last_by_subj: successor.pointer });
  // An earlier one may be from before a copy that was discarded.
  if (last !== undefined && last.sequence === (await findStream(connection, stream))?.lastSequence) return;
  const payload = Buffer.from(JSON.stringify({ version: 1, stream: successor.stream }));
  try {
    await store(connection, successor.pointer, payload, last?.sequence ?? 0);
  } catch (error) {
    // Another process came first.
    if (!isJetStreamError(error, JetStreamCode.wrongLastSequence)) throw error;
  }
}

/** Step 7. */
async function retire({ connection, log, names }: SuccessionDeps, first: StreamState): Promise<void> {
  const { stream, successor } = names;
  const pointer = await readMessage(connection, stream, { last_by_subj: successor.pointer });
  if (!isFrozen(first, successor) || pointer === undefined) return;
  if (connection.clock.now() - pointer.storedAt.getTime() <= KEPT_MS) return;
  await connection.api(`STREAM.DELETE.${stream}`);
  log("info", `deleted ${stream}: ${successor.stream} has taken its place`);
}

/** As an administrator may have configured it, apart from what makes it the successor. */
async function create({ connection, names }: SuccessionDeps, { config, created }: StreamState): Promise<void> {
  const { stream, successor } = names;
  const { subjects: _, ...rest } = config;
  const wanted: StreamConfig = {
    ...rest,
    name: successor.stream,
    description: successorOf(stream, created),
    sources: [{ name: stream }],
    deny_delete: false,
    deny_purge: false,
  };
  try {
    await connection.api(`STREAM.CREATE.${successor.stream}`, wanted);
  } catch (error) {
    // Another process may have created it.
    if ((await findStream(connection, successor.stream)) === undefined) throw error;
  }
}

/** A copy would not have the same sequence numbers, or an administrator does something else with the stream. */
function checkFirst(deps: SuccessionDeps, { config, messages, lastSequence }: StreamState): void {
  const { stream, subject, successor } = deps.names;
  const [only, ...others] = config.subjects ?? [];
  if (others.length > 0 || (only !== `${subject}.>` && only !== successor.pointer)) {
    throw cannot(deps, `${stream} has other subjects than ${subject}.>`);
  }
  if (config.sources !== undefined || config.mirror !== undefined) throw cannot(deps, `${stream} copies other streams`);
  if (messages !== lastSequence) {
    throw cannot(deps, `${stream} has ${messages} messages at ${lastSequence} positions`);
  }
}

function cannot({ connection, names }: SuccessionDeps, why: string): UncoupleError {
  return new UncoupleError("failed-precondition", `cannot compact ${names.stream} at ${connection.server}: ${why}`);
}

/** Waits until the successor has everything up to a sequence number. */
async function caughtUp({ connection, names }: SuccessionDeps, last: number, signal: AbortSignal): Promise<void> {
  const { clock } = connection;
  let reached = 0;
  let progress = clock.elapsed();
  for (;;) {
    const copied = (await findStream(connection, names.successor.stream))?.lastSequence ?? 0;
    if (copied >= last) return;
    if (copied > reached) {
      reached = copied;
      progress = clock.elapsed();
    } else if (clock.elapsed() - progress > STALLED_MS) {
      const late = `${names.successor.stream} at ${connection.server} has copied ${copied} of ${last} messages`;
      throw new UncoupleError("deadline-exceeded", `${late}, and none for ${STALLED_MS / 1000} s`);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Deletes a copy that differs, unless another process has opened it. The first stream takes messages again. */
async function discard({ connection, names }: SuccessionDeps, first: StreamState, signal: AbortSignal): Promise<void> {
  const { stream, subject, successor } = names;
  const next = await findStream(connection, successor.stream);
  signal.throwIfAborted();
  if (next === undefined || isOpen(next.config)) return;
  await connection.api(`STREAM.DELETE.${successor.stream}`);
  await connection.api(`STREAM.UPDATE.${stream}`, { ...first.config, subjects: [`${subject}.>`] });
}
