import { UncoupleError } from "../../common/errors.ts";

export interface NatsAddress {
  /** Without user and password. */
  readonly url: string;
  readonly credentials?: { readonly user: string; readonly password: string };
}

/**
 * Parses `nats://[user:password@]host[:port]`, or a comma-separated list of servers of one cluster; the first user and
 * password in the list apply to all.
 * @throws UncoupleError `invalid-argument`
 */
export function parseNatsAddress(text: string): NatsAddress {
  let credentials: NatsAddress["credentials"];
  const servers = text.split(",").map((part) => {
    let url: URL;
    try {
      url = new URL(part.trim().includes("://") ? part.trim() : `nats://${part.trim()}`);
    } catch (cause) {
      throw invalidAddress(text, { cause });
    }
    if (!["nats:", "tls:"].includes(url.protocol) || url.hostname === "") throw invalidAddress(text);
    if (url.username !== "") credentials ??= credentialsOf(url, text);
    return `${url.protocol}//${url.host}`;
  });
  return { url: servers.join(","), ...(credentials !== undefined && { credentials }) };
}

function credentialsOf({ username, password }: URL, text: string): { user: string; password: string } {
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch (cause) {
    throw invalidAddress(text, { cause }, "; write a % in a user or password as %25");
  }
}

function invalidAddress(text: string, options?: { readonly cause: unknown }, reason = ""): UncoupleError {
  const shown = text.replaceAll(/\/\/[^/@,]*@/g, "//");
  return new UncoupleError(
    "invalid-argument",
    `invalid NATS address ${JSON.stringify(shown)}: expected nats://host:port${reason}`,
    options,
  );
}
