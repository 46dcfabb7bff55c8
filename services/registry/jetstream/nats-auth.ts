import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  ErrorCode as NatsCode,
  type NatsError,
  nkeyAuthenticator,
  nkeys,
} from "nats";
import { UncoupleError } from "../../common/errors.ts";
import { fileTrouble } from "../../common/files/file-trouble.ts";

/** Files that a client authenticates with, by their flags: absolute paths. Each connection reads them again. */
export interface NatsFiles {
  /** A user's JWT and seed, as `nsc` writes them. Excludes `nkey`. */
  readonly creds?: string;
  /** The seed of a user's nkey. */
  readonly nkey?: string;
  /** The certificates (PEM) to trust, instead of the system's. */
  readonly ca?: string;
  /** The client's certificate (PEM), with `key`. */
  readonly cert?: string;
  readonly key?: string;
}

export interface NatsAuth {
  /** User and password of the address. */
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly files?: NatsFiles;
}

/** The flag of each file, for messages. */
const flagOf = (name: keyof NatsFiles) => `--nats-${name}`;

/**
 * Checks the combination of the credentials and the content of each file.
 * @throws UncoupleError `invalid-argument` naming the flag and the file, never its content
 */
export function checkNatsAuth({ credentials, files = {} }: NatsAuth): void {
  const invalid = (message: string) => new UncoupleError("invalid-argument", message);
  if (files.creds !== undefined && files.nkey !== undefined) {
    throw invalid("--nats-creds and --nats-nkey exclude each other; give one");
  }
  if (credentials !== undefined && (files.creds ?? files.nkey) !== undefined) {
    throw invalid(`the NATS address has a user, and ${whoOf({ files })} names another; give one`);
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw invalid("--nats-cert and --nats-key must be given together");
  }
  const wrong = (name: keyof NatsFiles, what: string) => invalid(`${flagOf(name)} ${files[name]}: ${what}`);
  if (files.creds !== undefined && !isCreds(read(files, "creds"))) {
    throw wrong("creds", "not a credentials file: expected a user's JWT and seed, as nsc writes them");
  }
  if (files.nkey !== undefined && !isUserSeed(seedOf(read(files, "nkey")))) {
    throw wrong("nkey", "not the seed of a user's nkey, which begins with SU");
  }
  if (files.ca !== undefined && certificateOf(read(files, "ca")) === undefined) {
    throw wrong("ca", "not a certificate in PEM format");
  }
  if (files.cert === undefined || files.key === undefined) return;
  const certificate = certificateOf(read(files, "cert"));
  if (certificate === undefined) throw wrong("cert", "not a certificate in PEM format");
  const key = privateKeyOf(read(files, "key"));
  if (key === undefined) throw wrong("key", "not an unencrypted private key in PEM format");
  if (!certificate.checkPrivateKey(key)) throw wrong("key", `not the private key of --nats-cert ${files.cert}`);
}

/** The options of a connection. Files are read each time a connection is made, so a replaced file needs no restart. */
export function authOptions(
  { credentials, files = {} }: NatsAuth,
  url: string,
): Pick<ConnectionOptions, "authenticator" | "user" | "pass" | "tls"> {
  const { ca, cert, key } = files;
  const isTls = url.split(",").some((one) => one.trim().startsWith("tls://"));
  return {
    ...(credentials && { user: credentials.user, pass: credentials.password }),
    ...(files.creds !== undefined && { authenticator: credsAuthenticator(reread(files, "creds", isCreds)) }),
    ...(files.nkey !== undefined && {
      authenticator: nkeyAuthenticator(reread(files, "nkey", (seed) => isUserSeed(seedOf(seed)), seedOf)),
    }),
    // With these options, the client refuses a server without TLS.
    ...((isTls || ca !== undefined || cert !== undefined) && {
      tls: {
        ...(ca !== undefined && { caFile: ca }),
        ...(cert !== undefined && key !== undefined && { certFile: cert, keyFile: key }),
      },
    }),
  };
}

const PROBE_MS = 5_000;

const REFUSED: ReadonlySet<string> = new Set([
  NatsCode.AuthorizationViolation,
  NatsCode.AuthenticationExpired,
  NatsCode.AccountExpired,
  NatsCode.BadAuthentication,
  NatsCode.BadCreds,
]);

/** How a connection ends that the server breaks off without a word after the handshake, depending on who is faster. */
const BROKEN_OFF: ReadonlySet<string> = new Set([
  NatsCode.Timeout,
  NatsCode.ConnectionClosed,
  NatsCode.Disconnect,
  "ECONNRESET",
  "EPIPE",
]);

/** Codes of Node's TLS errors, of which OpenSSL's own begin with ERR_SSL or ERR_OSSL. */
const TLS_TROUBLE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

/**
 * Returns why a first connection was refused for good; undefined if trying again may help.
 * @param server the address for messages; @param url the addresses to connect to
 */
export async function refusal(
  error: unknown,
  auth: NatsAuth,
  server: string,
  url: string,
): Promise<UncoupleError | undefined> {
  if (!(error instanceof Error)) return undefined;
  const refused = (message: string) =>
    new UncoupleError("unauthenticated", `the NATS server at ${server} ${message}`, { cause: error });
  const codes = codesOf(error);
  if (codes.some((code) => REFUSED.has(code))) {
    const who = whoOf(auth);
    if (who !== undefined) return refused(`refuses ${who}`);
    return refused("requires credentials; use --nats-creds, --nats-nkey or a user in its address");
  }
  if (codes.includes(NatsCode.ServerOptionNotAvailable)) {
    return refused("offers no TLS; remove --nats-ca, --nats-cert and tls:// if that is intended");
  }
  const trouble = codes.some((code) => TLS_TROUBLE.test(code))
    ? error
    : await clientCertificateTrouble(error, auth, url);
  if (trouble === undefined) return undefined;
  const flag = (name: "ca" | "cert") => [flagOf(name), auth.files?.[name] ?? []].flat().join(" ");
  return refused(`does not pass TLS: ${tlsReason(trouble)}; check ${flag("ca")} and ${flag("cert")}`);
}

/**
 * With TLS 1.3, a server refuses a client's certificate after the handshake, which the library takes for silence. With
 * TLS 1.2, it does so during the handshake.
 */
async function clientCertificateTrouble(error: Error, auth: NatsAuth, url: string): Promise<Error | undefined> {
  const { tls, ...options } = authOptions(auth, url);
  if (!tls || !codesOf(error).some((code) => BROKEN_OFF.has(code))) return undefined;
  const older = { ...tls, maxVersion: "TLSv1.2" };
  try {
    await (
      await connect({ servers: url.split(","), timeout: PROBE_MS, reconnect: false, ...options, tls: older })
    ).close();
  } catch (thrown) {
    if (thrown instanceof Error && codesOf(thrown).some((code) => TLS_TROUBLE.test(code))) return thrown;
  }
  return undefined;
}

/** The words of an OpenSSL error, `80CC:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:...`. */
function tlsReason({ message }: Error): string {
  return /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(message)?.[1] ?? message;
}

function codesOf(error: Error): readonly string[] {
  const codes: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = (one as NatsError).chainedError ?? one.cause) {
    const { code } = one as NodeJS.ErrnoException;
    if (code !== undefined) codes.push(code);
  }
  return codes;
}

function whoOf({ credentials, files = {} }: NatsAuth): string | undefined {
  if (files.creds !== undefined) return `--nats-creds ${files.creds}`;
  if (files.nkey !== undefined) return `--nats-nkey ${files.nkey}`;
  if (credentials !== undefined) return `the user ${JSON.stringify(credentials.user)} of its address`;
  return files.cert === undefined ? undefined : `--nats-cert ${files.cert}`;
}

/** Reads a file for each connection. While it is being replaced, it may be missing or incomplete: then, what it had before. */
function reread(
  files: NatsFiles,
  name: "creds" | "nkey",
  isValid: (content: Buffer) => boolean,
  parse: (content: Buffer) => Uint8Array = (content) => content,
): () => Uint8Array {
  let last = read(files, name);
  return () => {
    try {
      const content = read(files, name);
      if (isValid(content)) last = content;
    } catch {
      // The server decides about the old ones.
    }
    return parse(last);
  };
}

/** Synchronously, because the library calls authenticators synchronously. */
function read(files: NatsFiles, name: keyof NatsFiles): Buffer {
  const path = files[name] ?? "";
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${flagOf(name)} ${path} cannot be read: ${fileTrouble(cause)}`, {
      cause,
    });
  }
}

function isCreds(content: Buffer): boolean {
  try {
    credsAuthenticator(content)("nonce");
    return true;
  } catch {
    return false;
  }
}

/** The seed may be followed by a line break and, as `nk` writes them, comments. */
function seedOf(content: Buffer): Uint8Array {
  return new TextEncoder().encode(/^\s*(S[A-Z2-7]+)\s*$/m.exec(content.toString())?.[1] ?? "");
}

function isUserSeed(seed: Uint8Array): boolean {
  try {
    return nkeys.fromSeed(seed).getPublicKey().startsWith("U");
  } catch {
    return false;
  }
}

function certificateOf(pem: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function privateKeyOf(pem: Buffer): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
