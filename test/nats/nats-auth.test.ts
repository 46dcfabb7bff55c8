import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import type { NatsFiles } from "../../services/registry/jetstream/nats-auth.ts";
import { type ConfiguredNats, configuredNats } from "../helpers/configured-nats.ts";
import { draft, model } from "../helpers/drafts.ts";
import { natsVersions } from "../helpers/nats-versions.ts";

const tls = join(import.meta.dirname, "../helpers/tls");
const TLS = `tls { cert_file: "${tls}/server.pem", key_file: "${tls}/server.key", ca_file: "${tls}/ca.pem", timeout: 5`;

const versions = await natsVersions();

describe.each(versions)("nats-server $version, authentication", (version) => {
  let server: ConfiguredNats;
  let dir: string;
  const opened: JetStreamBackplane[] = [];
  const logged: string[] = [];
  beforeEach(async () => {
    server = await configuredNats(version.binary);
    dir = await mkdtemp(join(tmpdir(), "uncouple-auth-"));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
    await server.remove();
    await rm(dir, { recursive: true, force: true });
  });

  const open = async (files: NatsFiles): Promise<JetStreamBackplane> => {
    const backplane = await connectJetStream({
      url: server.url,
      pipeline: "demo",
      name: "test",
      clock: systemClock,
      files,
      maxStoreBytes: 64 * 1024 ** 2,
      log: (_, message) => logged.push(message),
    });
    opened.push(backplane);
    return backplane;
  };
  const publish = async ({ registry }: JetStreamBackplane) => (await registry.publish(draft(), model(1), "any")).serial;
  const seedOf = (key: { getSeed(): Uint8Array }) => new TextDecoder().decode(key.getSeed());

  test("an nkey that was replaced on the server and in its file takes effect without a restart", async () => {
    const [first, second] = [nkeys.createUser(), nkeys.createUser()];
    const nkey = join(dir, "user.nk");
    const allowing = (key: typeof first) => `authorization { users: [ { nkey: ${key.getPublicKey()} } ] }`;
    await writeFile(nkey, seedOf(first));
    await server.start(allowing(first));
    const backplane = await open({ nkey });
    expect(await publish(backplane)).toBe(1);
    await server.start(allowing(second));
    await expect(open({ nkey })).rejects.toMatchObject({
      code: "unauthenticated",
      message: `the NATS server at ${server.url} refuses --nats-nkey ${nkey}`,
    });
    await writeFile(nkey, seedOf(second));
    expect(await publish(backplane)).toBe(2);
    expect(logged.join("\n")).not.toContain(seedOf(first));
  });

  test("certificates are read again for each connection", async () => {
    const ca = join(dir, "ca.pem");
    await copyFile(join(tls, "ca.pem"), ca);
    await server.start(`${TLS}, verify: true }`);
    const own = { cert: join(tls, "client.pem"), key: join(tls, "client.key") };
    const backplane = await open({ ca, ...own });
    expect(await publish(backplane)).toBe(1);
    // A certificate that is no CA's.
    await copyFile(join(tls, "client.pem"), ca);
    await server.start(`${TLS}, verify: true }`);
    await expect.poll(() => backplane.connection()).toBe("reconnecting");
    await expect(open({ ca, ...own })).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringMatching(
        /^the NATS server at nats:\S+ does not pass TLS: .*; check --nats-ca \/\S+\/ca\.pem/,
      ),
    });
    await copyFile(join(tls, "ca.pem"), ca);
    expect(await publish(backplane)).toBe(2);
  });

  test("a server that wants a client certificate, or has no TLS, is refused with what to do", async () => {
    const ca = join(tls, "ca.pem");
    await server.start(`${TLS}, verify: true }`);
    await expect(open({ ca })).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("--nats-cert"),
    });
    await expect(open({})).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("--nats-ca"),
    });
    await server.start("");
    await expect(open({ ca })).rejects.toMatchObject({
      code: "unauthenticated",
      message: `the NATS server at ${server.url} offers no TLS; remove --nats-ca, --nats-cert and tls:// if that is intended`,
    });
  });

  test("credentials that expire are replaced by the file's new ones", async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
    const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64url");
    const jwt = (issuer: typeof operator, subject: string, nats: object, seconds?: number) => {
      const iat = Math.floor(systemClock.now() / 1000);
      const claims = { jti: "test", iat, iss: issuer.getPublicKey(), sub: subject, name: "test", nats };
      const body = { ...claims, ...(seconds !== undefined && { exp: iat + seconds }) };
      const text = `${base64('{"typ":"JWT","alg":"ed25519-nkey"}')}.${base64(JSON.stringify(body))}`;
      return `${text}.${base64(issuer.sign(new TextEncoder().encode(text)))}`;
    };
    const all = { subs: -1, data: -1, payload: -1 };
    const limits = {
      ...{ ...all, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
      ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
    };
    const creds = join(dir, "user.creds");
    const write = (seconds: number) => {
      const token = jwt(account, user.getPublicKey(), { ...all, pub: {}, sub: {}, type: "user", version: 2 }, seconds);
      const part = (what: string, content: string) => `-----BEGIN ${what}-----\n${content}\n------END ${what}------\n`;
      return writeFile(creds, `${part("NATS USER JWT", token)}\n${part("USER NKEY SEED", seedOf(user))}`);
    };
    const system = nkeys.createAccount().getPublicKey();
    const systemToken = jwt(operator, system, {
      limits: { ...limits, disk_storage: 0, mem_storage: 0 },
      type: "account",
      version: 2,
    });
    const accountToken = jwt(operator, account.getPublicKey(), { limits, type: "account", version: 2 });
    await server.start(
      `operator: ${jwt(operator, operator.getPublicKey(), { type: "operator", version: 2 })}
resolver: MEMORY
system_account: ${system}
resolver_preload: { ${account.getPublicKey()}: ${accountToken}, ${system}: ${systemToken} }`,
    );
    await write(2);
    const backplane = await open({ creds });
    expect(await publish(backplane)).toBe(1);
    await expect.poll(() => backplane.connection(), { timeout: 10_000 }).toBe("reconnecting");
    // To the second, the server accepts them once more.
    await systemClock.sleep(1_500);
    await expect(open({ creds })).rejects.toMatchObject({
      code: "unauthenticated",
      message: `the NATS server at ${server.url} refuses --nats-creds ${creds}`,
    });
    await write(3_600);
    expect(await publish(backplane)).toBe(2);
  });
});
