import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asUncoupleError } from "../../../../services/common/errors.ts";
import { checkNatsAuth, type NatsAuth, type NatsFiles } from "../../../../services/registry/jetstream/nats-auth.ts";

const tls = join(import.meta.dirname, "../../../helpers/tls");
let dir: string;
const seeds = {
  user: new TextDecoder().decode(nkeys.createUser().getSeed()),
  account: new TextDecoder().decode(nkeys.createAccount().getSeed()),
};
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-auth-"));
  const { privateKey } = generateKeyPairSync("ed25519");
  const files = {
    "user.nk": `${seeds.user}\n`,
    "account.nk": seeds.account,
    "empty.nk": "",
    "no.creds": "-----BEGIN NATS USER JWT-----\n",
    "other.key": privateKey.export({ type: "pkcs8", format: "pem" }),
    "encrypted.key": privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const said = (auth: NatsAuth): string => {
  try {
    checkNatsAuth(auth);
    return "fine";
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    expect(code).toBe("invalid-argument");
    expect(message).not.toContain("\n");
    for (const seed of Object.values(seeds)) expect(message).not.toContain(seed);
    return message;
  }
};
const here = (files: NatsFiles): NatsAuth => ({
  files: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(dir, file)])),
});
const pem = (name: string) => join(tls, name);

test("a key, and certificates that belong together, are accepted", () => {
  expect(said(here({ nkey: "user.nk" }))).toBe("fine");
  expect(said({ files: { ca: pem("ca.pem"), cert: pem("client.pem"), key: pem("client.key") } })).toBe("fine");
  expect(said({ credentials: { user: "ann", password: "secret" }, files: { ca: pem("ca.pem") } })).toBe("fine");
});

test("each bad file is one clear line that names its flag and path, and never its content", () => {
  expect(said(here({ creds: "none.creds" }))).toBe(`--nats-creds ${dir}/none.creds cannot be read: no such file`);
  expect(said(here({ creds: "no.creds" }))).toBe(
    `--nats-creds ${dir}/no.creds: not a credentials file: expected a user's JWT and seed, as nsc writes them`,
  );
  const noSeed = "not the seed of a user's nkey, which begins with SU";
  expect(said(here({ nkey: "account.nk" }))).toBe(`--nats-nkey ${dir}/account.nk: ${noSeed}`);
  expect(said(here({ nkey: "empty.nk" }))).toBe(`--nats-nkey ${dir}/empty.nk: ${noSeed}`);
  expect(said(here({ ca: "user.nk" }))).toBe(`--nats-ca ${dir}/user.nk: not a certificate in PEM format`);
  const cert = pem("client.pem");
  expect(said({ files: { cert: join(dir, "user.nk"), key: pem("client.key") } })).toBe(
    `--nats-cert ${dir}/user.nk: not a certificate in PEM format`,
  );
  for (const key of ["user.nk", "encrypted.key"]) {
    expect(said({ files: { cert, key: join(dir, key) } })).toBe(
      `--nats-key ${dir}/${key}: not an unencrypted private key in PEM format`,
    );
  }
  expect(said({ files: { cert, key: join(dir, "other.key") } })).toBe(
    `--nats-key ${dir}/other.key: not the private key of --nats-cert ${cert}`,
  );
});

test("credentials that exclude each other, and halves of a pair, are refused", () => {
  expect(said(here({ creds: "no.creds", nkey: "user.nk" }))).toBe(
    "--nats-creds and --nats-nkey exclude each other; give one",
  );
  expect(said({ ...here({ nkey: "user.nk" }), credentials: { user: "ann", password: "secret" } })).toBe(
    `the NATS address has a user, and --nats-nkey ${dir}/user.nk names another; give one`,
  );
  expect(said({ files: { key: pem("client.key") } })).toBe("--nats-cert and --nats-key must be given together");
});
