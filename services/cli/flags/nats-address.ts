import { UncoupleError } from "../../common/errors.ts";

export interface NatsAddress {
  /** Without user and password. */
  readonly url: string;
  readonly credentials?: { readonly user: string; readonly password: string };
}

/**
 * `nats://[user:password@]host[:port]`, or several of one cluster, comma-separated; the first one's user counts.
 * @throws UncoupleError `invalid-argument`
 */
export function parseNatsAddress(text: string): NatsAddress {
  let credentials: NatsAddress["credentials"];
  const servers = text.split(",").map((part) => {
    let url: URL;
    try {
      url = new URL(part.trim().includes("://") ? part.trim() : `nats://${part.trim()}`);
    } catch (cause) {
      throw wrong(text, { cause });
    }
    if (!["nats:", "tls:"].includes(url.protocol) || url.hostname === "") throw wrong(text);
    if (url.username !== "") credentials ??= credentialsOf(url, text);
    return `${url.protocol}//${url.host}`;
  });
  return { url: servers.join(","), ...(credentials !== undefined && { credentials }) };
}

function credentialsOf({ username, password }: URL, text: string): { user: string; password: string } {
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch (cause) {
    throw wrong(text, { cause }, ": a % in a user or password is written %25");
  }
}

function wrong(text: string, options?: { readonly cause: unknown }, reason = ""): UncoupleError {
  const shown = text.replaceAll(/\/\/[^/@,]*@/g, "//");
  return new UncoupleError(
    "invalid-argument",
    `NATS server ${JSON.stringify(shown)} is not nats://host:port${reason}`,
    options,
  );
}
