import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canSyncFirst } from "../../services/cli/stack/durability.ts";
import { serverInfo } from "../../services/cli/stack/server-info.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type CuttableLink, openLink } from "./cuttable-link.ts";
import { freePort } from "./free-port.ts";
import type { NatsVersion } from "./nats-versions.ts";
import { connectRaw } from "./raw-nats.ts";

/** One server of a cluster. */
export interface ClusterServer {
  readonly name: string;
  readonly url: string;
  readonly storeDir: string;
  /** The names of the clients that are connected to it. */
  clients(): Promise<readonly string[]>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** Again on the same ports and store. */
  start(): Promise<void>;
  /** Cuts its connections with the other servers; clients still reach it. */
  isolate(): void;
  mend(): void;
}

/** Three real servers on 127.0.0.1, whose routes run through links that can be cut. */
export interface NatsCluster {
  readonly servers: readonly ClusterServer[];
  /** The addresses of all servers, comma-separated. */
  readonly url: string;
  /** The server that leads a stream. Waits until there is one. */
  leader(stream: string): Promise<ClusterServer>;
  stop(): Promise<void>;
}

const SIZE = 3;

/** @param storeDirOf the folder of a server's store; undefined: a temporary one */
export async function startNatsCluster(
  { binary, version }: NatsVersion,
  storeDirOf?: (server: number) => string | undefined,
): Promise<NatsCluster> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-cluster-"));
  const numbers = Array.from({ length: SIZE }, (_, index) => index);
  const [clients, routes, monitors] = [
    await Promise.all(numbers.map(() => freePort())),
    await Promise.all(numbers.map(() => freePort())),
    await Promise.all(numbers.map(() => freePort())),
  ];
  /** links[from][to]: what a server dials to reach another. */
  const links: (CuttableLink | undefined)[][] = await Promise.all(
    numbers.map((from) =>
      Promise.all(numbers.map(async (to) => (from === to ? undefined : openLink(routes[to] as number)))),
    ),
  );
  const sync = canSyncFirst(version) ? ", sync_interval: always" : "";
  const children: (ChildProcess | undefined)[] = numbers.map(() => undefined);

  const launch = async (number: number): Promise<void> => {
    const storeDir = storeDirOf?.(number) ?? join(dir, `n${number}`);
    await mkdir(storeDir, { recursive: true });
    const peers = (links[number] as (CuttableLink | undefined)[]).flatMap((link) =>
      link === undefined ? [] : [`"nats://127.0.0.1:${link.port}"`],
    );
    const config = [
      `server_name: n${number}`,
      `listen: "127.0.0.1:${clients[number]}"`,
      `http: "127.0.0.1:${monitors[number]}"`,
      `log_file: ${JSON.stringify(join(dir, `n${number}.log`))}`,
      `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_mem: 64MB, max_file: 2GB${sync} }`,
      // Servers tell each other of the address that a server advertises: with a dead one, they only know the links.
      `cluster { name: c, listen: "127.0.0.1:${routes[number]}", advertise: "127.0.0.1:1", no_advertise: true, routes: [${peers.join(", ")}] }`,
    ].join("\n");
    await writeFile(join(dir, `n${number}.conf`), config);
    children[number] = spawn(binary, ["-c", join(dir, `n${number}.conf`)], { stdio: "ignore" });
    const url = `nats://127.0.0.1:${clients[number]}`;
    while ((await serverInfo(url))?.jetstream !== true) {
      if (children[number]?.exitCode !== null) {
        throw new Error(`a nats-server did not start: ${await readFile(join(dir, `n${number}.log`), "utf8")}`);
      }
      await systemClock.sleep(50);
    }
  };
  const around = (number: number): CuttableLink[] =>
    numbers.flatMap((other) => [links[number]?.[other], links[other]?.[number]]).filter((link) => link !== undefined);

  await Promise.all(numbers.map(launch));
  const servers = numbers.map((number): ClusterServer => {
    const child = () => children[number] as ChildProcess;
    return {
      name: `n${number}`,
      url: `nats://127.0.0.1:${clients[number]}`,
      storeDir: storeDirOf?.(number) ?? join(dir, `n${number}`),
      async clients() {
        const page = await fetch(`http://127.0.0.1:${monitors[number]}/connz`);
        const { connections } = (await page.json()) as { connections: readonly { name?: string }[] };
        return connections.flatMap(({ name }) => (name === undefined ? [] : [name]));
      },
      signal: (signal) => void child().kill(signal),
      async kill() {
        child().kill("SIGKILL");
        if (child().exitCode === null && child().signalCode === null) await once(child(), "exit");
      },
      start: () => launch(number),
      isolate() {
        for (const link of around(number)) link.cut();
      },
      mend() {
        for (const link of around(number)) link.mend();
      },
    };
  });
  const url = servers.map((one) => one.url).join(",");
  return {
    servers,
    url,
    async leader(stream) {
      for (;;) {
        const raw = await connectRaw(url);
        try {
          const name = await raw.leader(stream);
          const found = servers.find((one) => one.name === name);
          if (found !== undefined) return found;
        } finally {
          await raw.close();
        }
        await systemClock.sleep(100);
      }
    },
    async stop() {
      for (const child of children) {
        if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGCONT");
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      for (const link of links.flat()) await link?.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
