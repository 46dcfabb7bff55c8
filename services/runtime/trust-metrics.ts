import { X509Certificate } from "node:crypto";
import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { Metrics } from "./metrics.ts";

/** Scrapes must not wait for a server that does not respond. */
const ANSWER_TIMEOUT_MS = 1_000;
/** A scrape asks the server for its time if the last answer is older. */
const OFFSET_INTERVAL_MS = 60_000;

const BEGIN = "-----BEGIN CERTIFICATE-----";

/**
 * Exports how long the certificates of a service are valid.
 * @param certificates PEM texts by name, each of one certificate or several; asked on each scrape
 */
export function exportCertificateExpiry(
  metrics: Metrics,
  clock: Pick<Clock, "now">,
  certificates: () => Readonly<Record<string, Buffer | undefined>>,
): void {
  metrics.gauge({
    name: "uncouple_certificate_expiry_seconds",
    help: "Time until the first certificate of a file expires, negative afterwards; absent without TLS.",
    labels: ["certificate"],
    collect: (gauge) => {
      gauge.reset();
      for (const [certificate, pem] of Object.entries(certificates())) {
        if (pem !== undefined) gauge.set({ certificate }, (firstExpiry(pem) - clock.now()) / 1000);
      }
    },
  });
}

/** When the first of a file's certificates expires, in milliseconds since the Unix epoch. */
function firstExpiry(pem: Buffer): number {
  return Math.min(...certificatesOf(pem).map(({ validTo }) => Date.parse(validTo)));
}

/** The certificates of a file. @throws if one does not parse */
export function certificatesOf(pem: Buffer): readonly X509Certificate[] {
  const [, ...certificates] = pem.toString().split(BEGIN);
  return certificates.map((text) => new X509Certificate(`${BEGIN}${text}`));
}

/** Exports how far this process's clock is ahead of NATS's. @param measure as `Backplane.clockOffset` */
export function exportClockOffset(metrics: Metrics, clock: Clock, measure: () => Promise<number | undefined>): void {
  let measuredAt = Number.NEGATIVE_INFINITY;
  const gauge = metrics.gauge({
    name: "uncouple_nats_clock_offset_seconds",
    help: "Time by which this process's clock is ahead of the NATS server's; absent with a server older than 2.10.",
    collect: async () => {
      if (clock.elapsed() - measuredAt < OFFSET_INTERVAL_MS) return;
      measuredAt = clock.elapsed();
      const measuring = measure().then(
        (offset) => offset !== undefined && gauge.set(offset),
        () => {},
      );
      await settlesWithin(clock, ANSWER_TIMEOUT_MS, measuring, { keepsAlive: false });
    },
  });
  // Unknown is not 0.
  gauge.remove();
}
