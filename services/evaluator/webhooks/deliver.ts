import { timeoutSignal } from "../../common/async/timeout-signal.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { readTextFile } from "../../common/files/text-file.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { signature, type WebhookMessage } from "./webhook-message.ts";

/** How long a receiver may take to acknowledge, in milliseconds. */
const TIMEOUT_MS = 10_000;

export interface Receiver {
  readonly url: string;
  /** Path of the file with the key of the HMAC. Read for every attempt, so that a key can be replaced. */
  readonly secretFile: string;
}

/**
 * Sends a message once. Only a status 2xx acknowledges it; redirects are not followed.
 * @throws UncoupleError `unavailable`, `deadline-exceeded`, `failed-precondition` (secret), or the reason of the signal; no
 *   message has the secret or more of the URL than its origin
 */
export async function deliver(
  { url, secretFile }: Receiver,
  message: WebhookMessage,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const secret = await readSecret(secretFile);
  const body = JSON.stringify(message);
  const late = new UncoupleError("deadline-exceeded", `no answer within ${TIMEOUT_MS / 1000} s`);
  const limit = timeoutSignal(clock, TIMEOUT_MS, late, signal);
  try {
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal: limit.signal,
      headers: {
        "content-type": "application/json",
        "user-agent": `uncouple/${packageInfo().version}`,
        // One for each message, whatever the attempt.
        "uncouple-delivery": `${message.pipeline}/${message.position}`,
        "uncouple-signature": signature(secret, Math.floor(clock.now() / 1000), body),
      },
      body,
    });
    await response.body?.cancel();
    if (!response.ok) throw new UncoupleError("unavailable", `it answered with status ${response.status}`);
  } catch (thrown) {
    if (thrown instanceof UncoupleError) throw thrown;
    if (limit.signal.aborted) throw limit.signal.reason;
    const code = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined)?.code : undefined;
    // The message of the error may have the whole URL.
    throw new UncoupleError("unavailable", `the request failed${code === undefined ? "" : ` (${code})`}`);
  } finally {
    limit.dispose();
  }
}

async function readSecret(path: string): Promise<string> {
  const file = await readTextFile(path);
  const refuse = (why: string) => new UncoupleError("failed-precondition", `the secret file ${path} ${why}`);
  if (!("text" in file)) throw refuse(file.refused);
  const secret = file.text.trim();
  if (secret === "") throw refuse("is empty");
  return secret;
}
