import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { exportCertificateExpiry, exportClockOffset } from "../../../services/runtime/trust-metrics.ts";

/** Self-signed. */
const EXPIRES = 1798516631;
const SHORT = Buffer.from(`-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUYxzMuYYcQAItmK0grDrnoLZjzmMwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFc2hvcnQwHhcNMjYxMTI5MDM1NzExWhcNMjYxMjI5MDM1NzEx
WjAQMQ4wDAYDVQQDDAVzaG9ydDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNiK
3k5+XuzMuZkMiz7Ewd/jK7r0NS4A8DFOuOoEgYmV49f71qJ2kiZRXsqDAbJmehvh
/nFdNsCpPMW+CzbjggCjUzBRMB0GA1UdDgQWBBRv23hKinAQsReo+zR+EPRx2cPz
6zAfBgNVHSMEGDAWgBRv23hKinAQsReo+zR+EPRx2cPz6zAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCIH3y7sPDcBc35RYQtfwn01WPB5FH7xla23vI
rV7lTGm7AiBj4l4DcLM7aY/hqfI6hvmPzltc1vZtWIPElJD8GNOAfA==
-----END CERTIFICATE-----
`);
const pem = (name: string) => readFileSync(join(import.meta.dirname, "../../helpers/tls", name));

async function value(page: { text(): Promise<string> }, name: string, label = ""): Promise<number | undefined> {
  const line = (await page.text()).split("\n").find((one) => one.startsWith(`${name}{${label}`));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("a file's certificates expire when its first one does, and a replaced file is seen", async () => {
  const clock = createVirtualClock();
  const page = createMetrics({ service: "trainer", version: "0" });
  let grpc: Buffer | undefined = SHORT;
  exportCertificateExpiry(page, clock, () => ({ grpc }));
  const expiry = async () => (await value(page, "uncouple_certificate_expiry_seconds", 'certificate="grpc"')) as number;
  const seconds = EXPIRES - clock.now() / 1000;
  expect(await expiry()).toBe(seconds);
  grpc = pem("server.pem");
  expect(await expiry()).toBeGreaterThan(seconds);
  grpc = Buffer.concat([pem("server.pem"), SHORT, pem("ca.pem")]);
  expect(await expiry()).toBe(seconds);
  await clock.advance(3_600_000);
  expect(await expiry()).toBe(seconds - 3_600);
  grpc = undefined;
  expect(await expiry()).toBeUndefined();
});

test("the clock offset is measured once a minute, and a scrape does not wait for a server that is silent", async () => {
  const clock = createVirtualClock();
  const page = createMetrics({ service: "trainer", version: "0" });
  let asked = 0;
  let answer: () => Promise<number | undefined> = async () => undefined;
  exportClockOffset(page, clock, () => {
    asked++;
    return answer();
  });
  const offset = () => value(page, "uncouple_nats_clock_offset_seconds");
  expect(await offset()).toBeUndefined();
  answer = async () => -2.5;
  expect(await offset()).toBeUndefined();
  expect(asked).toBe(1);
  await clock.advance(60_000);
  expect(await offset()).toBe(-2.5);
  await clock.advance(60_000);
  answer = () => new Promise(() => {});
  const silent = offset();
  await clock.advance(1_000);
  expect(await silent).toBe(-2.5);
  await clock.advance(60_000);
  answer = async () => {
    throw new Error("no connection");
  };
  expect(await offset()).toBe(-2.5);
  expect(asked).toBe(4);
});
