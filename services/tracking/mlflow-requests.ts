import { timeoutSignal } from "../common/async/timeout-signal.ts";
import type { Clock } from "../common/clock/clock.ts";
import { isTransient, UncoupleError } from "../common/errors.ts";
import type { TrackingTarget } from "./tracking-target.ts";

/** How long the server may take to answer, in milliseconds, and to take in a file. */
const TIMEOUT_MS = 10_000;
const FILE_TIMEOUT_MS = 60_000;

/** A request that an MLflow server has taken in and not fulfilled. */
export class MlflowError extends UncoupleError {
  readonly status: number;
  /** `RESOURCE_DOES_NOT_EXIST`, `RESOURCE_ALREADY_EXISTS`, ...; empty if it does not say. */
  readonly answer: string;

  constructor(status: number, answer: string, message: string) {
    super("failed-precondition", message);
    this.status = status;
    this.answer = answer;
  }
}

/**
 * How often a request may fail so before it is given up: without end while the server is away or refuses the credentials,
 * ten times for its own faults, which a server that is starting has, and three times otherwise.
 */
export function attemptsAllowed(error: UncoupleError): number {
  if (isTransient(error) || error.code === "unauthenticated") return Number.POSITIVE_INFINITY;
  return error instanceof MlflowError && error.status >= 500 ? 10 : 3;
}

/**
 * Requests to MLflow's REST API (https://mlflow.org/docs/latest/rest-api.html).
 *
 * Both throw UncoupleError `unavailable` or `deadline-exceeded` if the server cannot be reached, does not answer, or is
 * overloaded; `unauthenticated` if it refuses the credentials; MlflowError if it refuses the request; the reason of the
 * signal. No message has credentials.
 */
export interface MlflowRequests {
  /** @param path after `/api/2.0/mlflow/` @param body the parameters; of a GET in its query */
  call(
    method: "GET" | "POST",
    path: string,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** Writes a file of the artifact store that the server is a proxy for. @param path in the store */
  putArtifact(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
}

export function createMlflowRequests({ url, authorization }: TrackingTarget, clock: Clock): MlflowRequests {
  const headers = authorization === undefined ? {} : { authorization };

  async function send(address: string, init: RequestInit, limitMs: number, signal: AbortSignal): Promise<string> {
    const late = new UncoupleError("deadline-exceeded", `no answer within ${limitMs / 1000} s`);
    const limit = timeoutSignal(clock, limitMs, late, signal);
    try {
      // A redirect could send credentials, or a model, to another server.
      const response = await fetch(`${url}/api/2.0/${address}`, { ...init, redirect: "manual", signal: limit.signal });
      const text = await response.text();
      if (!response.ok) throw refusal(response.status, text);
      return text;
    } catch (thrown) {
      if (thrown instanceof UncoupleError) throw thrown;
      if (limit.signal.aborted) throw limit.signal.reason;
      const cause = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined;
      throw new UncoupleError(
        "unavailable",
        `the request failed${cause?.code === undefined ? "" : ` (${cause.code})`}`,
      );
    } finally {
      limit.dispose();
    }
  }

  return {
    async call(method, path, body, signal) {
      const query = new URLSearchParams(
        Object.entries(body).map(([key, value]): [string, string] => [key, String(value)]),
      );
      const isGet = method === "GET";
      const text = await send(
        `mlflow/${path}${isGet ? `?${query.toString()}` : ""}`,
        isGet
          ? { method, headers }
          : { method, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) },
        TIMEOUT_MS,
        signal,
      );
      try {
        return JSON.parse(text === "" ? "{}" : text);
      } catch {
        throw new UncoupleError("unavailable", "the answer is not JSON; is it an MLflow server?");
      }
    },
    async putArtifact(path, bytes, signal) {
      const address = `mlflow-artifacts/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`;
      const type = { "content-type": "application/octet-stream" };
      await send(
        address,
        { method: "PUT", headers: { ...headers, ...type }, body: Buffer.from(bytes) },
        FILE_TIMEOUT_MS,
        signal,
      );
    },
  };
}

/** Statuses of a server, or a proxy before it, that may answer the same request later. */
const LATER = new Set([408, 425, 429, 502, 503, 504]);
const MAX_MESSAGE_LENGTH = 300;

function refusal(status: number, text: string): UncoupleError {
  if (status === 401 || status === 403) {
    return new UncoupleError(
      "unauthenticated",
      `it refuses the credentials (status ${status}); check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN`,
    );
  }
  if (LATER.has(status)) return new UncoupleError("unavailable", `it answered with status ${status}`);
  let answer = "";
  let detail = "";
  try {
    const { error_code: code, message } = JSON.parse(text) as { error_code?: unknown; message?: unknown };
    if (typeof code === "string") answer = code;
    if (typeof message === "string") detail = message.replaceAll(/\s+/g, " ").slice(0, MAX_MESSAGE_LENGTH);
  } catch {
    // Not an answer of MLflow: the status says enough.
  }
  const why = [answer, detail].filter((part) => part !== "").join(": ");
  return new MlflowError(status, answer, `status ${status}${why === "" ? "" : `, ${why}`}`);
}
