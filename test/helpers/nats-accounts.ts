import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection as NatsClient, nkeyAuthenticator } from "nats";
import { serverInfo } from "../../services/cli/stack/server-info.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import {
  connectJetStream,
  type JetStreamBackplane,
  type JetStreamOptions,
} from "../../services/registry/jetstream/backplane.ts";
import { cli } from "./cli.ts";
import { freePort } from "./free-port.ts";
import type { NatsVersion } from "./nats-versions.ts";

export const TLS = join(import.meta.dirname, "tls");

/** Three teams; m2 reads from m1. Evaluators delete models. */
export const PIPELINE = `pipeline: demo
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
objective: m2
retention: { keep: 5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
  m3: { columns: [x2], output: { name: w, width: 1, meaning: scalar }, target: y, loss: mse }
`;

/** A real server with the configuration that `uncouple scaffold nats` writes for PIPELINE, and a follower `serving`. */
export interface AccountsNats {
  readonly url: string;
  /** Of pipeline.yaml and, in nats/, the configuration. */
  readonly dir: string;
  keyFile(user: string): string;
  /** Backplane of a user: a team, `evaluator`, `operator` or `serving`. */
  open(user: string, options?: Partial<JetStreamOptions>): Promise<JetStreamBackplane>;
  /** A client of the library, with a user's rights. */
  raw(user: string): Promise<NatsClient>;
  /** Writes the configuration again, for other teams, and has the server read it. */
  reload(...scaffold: string[]): Promise<void>;
  /** Changes accounts.conf, and has the server read it. */
  edit(change: (accounts: string) => string): Promise<void>;
  stop(): Promise<void>;
}

export async function startAccountsNats(
  { binary, version }: NatsVersion,
  {
    tls,
    apply = true,
    maxFile = "4GB",
  }: { readonly tls: boolean; readonly apply?: boolean; readonly maxFile?: string },
): Promise<AccountsNats> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-accounts-"));
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
  const conf = join(dir, "nats/nats.conf");
  const scaffold = async (...args: string[]) => {
    const command = ["scaffold", "nats", "--pipeline", "pipeline.yaml", "--out", "nats", "--nats-version", version];
    const more = ["--followers", "serving", ...(tls ? ["--tls", "/etc/nats"] : [])];
    const written = await cli([...command, ...more, ...args], { cwd: dir });
    if (written.code !== 0) throw new Error(written.stderr);
    const text = (await readFile(conf, "utf8"))
      .replace('"0.0.0.0:4222"', `"127.0.0.1:${port}"`)
      .replace('http: "0.0.0.0:8222"', "")
      .replace('"/data"', JSON.stringify(join(dir, "store")))
      .replace("8GB", maxFile)
      .replace("/etc/nats/tls.crt", join(TLS, "server.pem"))
      .replace("/etc/nats/tls.key", join(TLS, "server.key"));
    await writeFile(conf, `${text}log_file: ${JSON.stringify(join(dir, "nats.log"))}\n`);
  };
  await scaffold();
  const child: ChildProcess = spawn(binary, ["-c", conf], { stdio: "ignore" });
  while ((await serverInfo(url))?.jetstream !== true) {
    if (child.exitCode !== null) throw new Error(await readFile(join(dir, "nats.log"), "utf8"));
    await systemClock.sleep(50);
  }
  const keyFile = (user: string) => join(dir, `nats/keys/${user}.nk`);
  const ca = join(TLS, "ca.pem");
  const files = (user: string) => ({ nkey: keyFile(user), ...(tls && { ca }) });
  const clients: NatsClient[] = [];
  const backplanes: JetStreamBackplane[] = [];
  if (apply) {
    const access = ["--nats", url, "--nats-nkey", keyFile("operator"), ...(tls ? ["--nats-ca", ca] : [])];
    const applied = await cli(["pipeline", "apply", "pipeline.yaml", ...access], { cwd: dir });
    if (applied.code !== 0) throw new Error(applied.stderr);
  }
  /** The imports of a new account work after the second time (nats-server 2.9.10 and 2.15.1). */
  const signalTwice = async () => {
    for (let times = 0; times < 2; times++) {
      child.kill("SIGHUP");
      await systemClock.sleep(500);
    }
  };
  return {
    url,
    dir,
    keyFile,
    async open(user, options = {}) {
      const backplane = await connectJetStream({
        url,
        files: files(user),
        pipeline: "demo",
        name: user,
        clock: systemClock,
        ...options,
      });
      backplanes.push(backplane);
      return backplane;
    },
    async raw(user) {
      const seed = await readFile(keyFile(user));
      const client = await connect({
        servers: url,
        authenticator: nkeyAuthenticator(new TextEncoder().encode(seed.toString().trim())),
        ...(tls && { tls: { caFile: ca } }),
      });
      clients.push(client);
      return client;
    },
    async reload(...args) {
      await scaffold("--force", ...args);
      await signalTwice();
    },
    async edit(change) {
      const file = join(dir, "nats/accounts.conf");
      await writeFile(file, change(await readFile(file, "utf8")));
      await signalTwice();
    },
    async stop() {
      await Promise.all(backplanes.map((one) => one.close()));
      await Promise.all(clients.map((one) => one.close()));
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      await rm(dir, { recursive: true, force: true });
    },
  };
}
