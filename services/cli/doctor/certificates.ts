import type { X509Certificate } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { Clock } from "../../common/clock/clock.ts";
import { certificatesOf } from "../../runtime/trust-metrics.ts";
import { connectNats, greeting } from "../stack/server-info.ts";
import { type Check, checksOf } from "./check.ts";

const { ok, warning, failure, unknown } = checksOf("certificates");
const DAY_MS = 86_400_000;
/** As the alert UncoupleCertificateExpiring. */
const SOON_DAYS = 14;
const TIMEOUT_MS = 2_000;

/** How long a certificate is valid, in milliseconds since the Unix epoch. */
interface Validity {
  readonly from: number;
  readonly to: number;
}

/** What a client shows to a server. The server's certificate is not verified, since it is only looked at. */
export type TlsClient = Pick<ConnectionOptions, "ca" | "cert" | "key">;

/** Checks the certificates of a file, of which the first one to expire counts. */
export function checkCertificateFile(name: string, pem: Buffer, clock: Pick<Clock, "now">): Check {
  let certificates: readonly Validity[] = [];
  try {
    certificates = certificatesOf(pem).map(validityOf);
  } catch {
    // None that can be read.
  }
  if (certificates.length > 0) return checkValidity(name, certificates, clock);
  return failure(name, "is not a certificate in PEM format", "replace the file");
}

/** Checks the certificates that a NATS server shows. @returns undefined if it takes no connections over TLS, or does not answer */
export async function checkNatsCertificate(
  url: string,
  client: TlsClient,
  clock: Pick<Clock, "now">,
): Promise<Check | undefined> {
  const name = `nats-server at ${url}`;
  const socket = connectNats(url);
  try {
    const info = await greeting(socket).catch(() => undefined);
    if (info?.tls !== true) return undefined;
    return checkValidity(name, await shown({ ...client, socket, ...serverName(new URL(url).hostname) }), clock);
  } catch (error) {
    return notShown(name, error);
  } finally {
    socket.destroy();
  }
}

/** Checks the certificates that a gRPC server shows. @param address `host:port` */
export async function checkGrpcCertificate(
  name: string,
  address: string,
  client: TlsClient,
  clock: Pick<Clock, "now">,
): Promise<Check> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect({ host: hostname, port: Number(port), timeout: TIMEOUT_MS });
  socket.once("timeout", () => socket.destroy());
  try {
    const options = { ...client, socket, ...serverName(hostname), ALPNProtocols: ["h2"] };
    return checkValidity(name, await shown(options), clock);
  } catch (error) {
    return notShown(name, error);
  } finally {
    socket.destroy();
  }
}

function notShown(name: string, error: unknown): Check {
  const reason = error instanceof Error ? error.message : String(error);
  return unknown(name, `the server shows no certificate: ${reason}`, null);
}

/** The names of addresses are not sent. */
function serverName(hostname: string): Pick<ConnectionOptions, "servername"> {
  return isIP(hostname) === 0 ? { servername: hostname } : {};
}

/** The certificates that a server shows, and those of their issuers that the client knows. */
function shown(options: ConnectionOptions & { readonly socket: Socket }): Promise<readonly Validity[]> {
  return new Promise((resolve, reject) => {
    const tls: TLSSocket = connectTls({ ...options, rejectUnauthorized: false });
    tls.once("secureConnect", () => {
      const chain: Validity[] = [];
      let certificate: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true);
      while (certificate?.valid_to !== undefined) {
        chain.push({ from: Date.parse(certificate.valid_from), to: Date.parse(certificate.valid_to) });
        const { issuerCertificate: issuer }: DetailedPeerCertificate = certificate;
        certificate = issuer === certificate ? undefined : issuer;
      }
      resolve(chain);
    });
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("it closes the connection")));
  });
}

function validityOf(certificate: X509Certificate): Validity {
  return { from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) };
}

function checkValidity(name: string, chain: readonly Validity[], clock: Pick<Clock, "now">): Check {
  if (chain.length === 0) return unknown(name, "the server shows no certificate", null);
  const now = clock.now();
  const starts = Math.max(...chain.map(({ from }) => from));
  const ends = Math.min(...chain.map(({ to }) => to));
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const days = Math.floor((ends - now) / DAY_MS);
  const renew = "renew it; services read NATS certificates at each connection, and those of gRPC when they start";
  if (ends <= now) return failure(name, `expired on ${date(ends)}`, renew);
  if (starts > now)
    return failure(name, `is not valid before ${date(starts)}`, "compare this machine's clock, or wait");
  const text = `expires in ${days} ${days === 1 ? "day" : "days"}, on ${date(ends)}`;
  return days < SOON_DAYS ? warning(name, text, renew) : ok(name, text);
}
