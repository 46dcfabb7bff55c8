import { ErrorCode as NatsCode, NatsError } from "nats";
import { inParallel } from "../../common/async/in-parallel.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { NatsConnection } from "./nats-connection.ts";

/** What a server does with a message on a subject. `nobody`: the client may publish, and nobody listens. */
export type Right = "allowed" | "denied" | "nobody" | "unknown";

/** A server denies at once. It is silent if what the subject is about does not exist, or has no leader. */
const TIMEOUT_MS = 2_000;
/** Requests at a time. */
const AT_ONCE = 32;

/** JSON that no version of the server parses, and no empty request, which would mean "all" to some calls. */
const INVALID = "{";
/** The stream that stores a message with this header must have that name. */
const NO_STREAM = { "Nats-Expected-Stream": "uncouple-doctor" };
/** A delivery that no consumer has made, and the word for "still working on it". */
const NO_DELIVERY = "1.9007199254740991.1.1.0";
const WORKING = "+WPI";

/**
 * Tries what a client may publish, without a change on the server: it refuses each request as malformed, after it has
 * checked the rights. Readers of a log look whether there are new messages. Refusals appear in the server's log.
 *
 * @param subjects as in `Grant`, with wildcards
 * @returns what each allows; subjects that cannot be tried without risk are left out
 */
export async function probeRights(
  connection: NatsConnection,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Right>> {
  const tried = [...new Set(subjects)].filter(isHarmless);
  const rights = await inParallel(tried, AT_ONCE, (subject) => probe(connection, subject));
  return new Map(tried.map((subject, index) => [subject, rights[index] as Right]));
}

/**
 * A server that deleted a stream in spite of a malformed request would do so beyond repair. Acknowledgments with domain and
 * account, as newer servers write them, have an answer only if the consumer delivers so.
 */
function isHarmless(subject: string): boolean {
  return !subject.startsWith("$JS.API.STREAM.DELETE.") && !subject.startsWith("$JS.ACK.*.");
}

async function probe(connection: NatsConnection, subject: string): Promise<Right> {
  const isApi = subject.startsWith("$JS.API.");
  const isAck = subject.startsWith("$JS.ACK.");
  const concrete = isAck ? subject.replace(/>$/, NO_DELIVERY) : subject.replaceAll("*", "uncouple-doctor");
  const payload = isApi ? INVALID : isAck ? WORKING : "";
  const headers = isApi || isAck ? {} : { headers: NO_STREAM };
  try {
    // Whatever the answer is, the server has passed the request on.
    await connection.request(concrete, payload, { timeoutMs: TIMEOUT_MS, ...headers });
    return "allowed";
  } catch (error) {
    if (!(error instanceof UncoupleError)) throw error;
    if (error.code === "failed-precondition") return "denied";
    if (error.code === "deadline-exceeded") return "allowed";
    const { cause } = error;
    return cause instanceof NatsError && cause.code === NatsCode.NoResponders ? "nobody" : "unknown";
  }
}
