import { afterEach, describe, expect, test } from "vitest";
import type { Timer } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { draft, model, verdict } from "../helpers/drafts.ts";
import { type ClusterServer, type NatsCluster, startNatsCluster } from "../helpers/nats-cluster.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";

const STREAM = "uncouple-demo-snapshots";
/** How long a fault lasts, and how long everything runs before and after it. */
const FAULT_MS = 12_000;
const AROUND_MS = 3_000;
/** A slow server runs for this long, stops for this long, and so on. */
const PULSE_MS = 200;

let cluster: NatsCluster;
const opened: JetStreamBackplane[] = [];
afterEach(async () => {
  pulses?.cancel();
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
  await cluster.stop();
});

const connect = async (url: string, name: string): Promise<JetStreamBackplane> => {
  const maxStoreBytes = 256 * 1024 ** 2;
  const backplane = await connectJetStream({ url, pipeline: "demo", name, clock: systemClock, maxStoreBytes });
  opened.push(backplane);
  return backplane;
};

/** Publishes until the signal aborts. Nothing may fail. @returns what was acknowledged, and the longest gap in ms */
async function publishing(backplane: JetStreamBackplane, component: string, signal: AbortSignal) {
  const acknowledged: SnapshotManifest[] = [];
  let longest = 0;
  let last = performance.now();
  while (!signal.aborted) {
    const bytes = model(acknowledged.length, 100_000);
    acknowledged.push(await backplane.registry.publish(draft({ component }), bytes, "any"));
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    await systemClock.sleep(50);
  }
  return { acknowledged, longest };
}

/** Judges as an evaluator does. @returns how often each snapshot got a verdict of this process */
async function judging(backplane: JetStreamBackplane, signal: AbortSignal): Promise<Map<string, number>> {
  const judged = new Map<string, number>();
  for await (const item of backplane.workQueue("evaluator").items(signal)) {
    const { component, serial } = item.announcement.manifest;
    if (await backplane.verdicts.append(verdict(component, serial))) {
      judged.set(`${component}@${serial}`, (judged.get(`${component}@${serial}`) ?? 0) + 1);
    }
    await item.done();
  }
  return judged;
}

/** Holds a lease, again and again. @returns how often two held it at the same time */
async function holding(backplanes: readonly JetStreamBackplane[], signal: AbortSignal): Promise<number> {
  let holders = 0;
  let clashes = 0;
  const hold = async (backplane: JetStreamBackplane, name: string) => {
    while (!signal.aborted) {
      const lease = await backplane.leases.acquire("training", name, signal).catch(() => undefined);
      if (lease === undefined) return;
      if (!lease.lost.aborted) {
        let mine = true;
        const end = () => {
          if (mine) holders -= 1;
          mine = false;
        };
        holders += 1;
        if (holders > 1) clashes += 1;
        lease.lost.addEventListener("abort", end, { once: true });
        await systemClock.sleep(300, AbortSignal.any([signal, lease.lost])).catch(() => {});
        end();
      }
      await lease.release();
    }
  };
  await Promise.all(backplanes.map((backplane, index) => hold(backplane, `holder-${index}`)));
  return clashes;
}

interface Fault {
  readonly what: string;
  begin(server: ClusterServer): Promise<void> | void;
  end(server: ClusterServer): Promise<void> | void;
}

/** The server that a fault hits. */
const roles: Readonly<Record<string, () => Promise<ClusterServer | undefined>>> = {
  "the leader": () => cluster.leader(STREAM),
  async "a follower"() {
    const leader = await cluster.leader(STREAM);
    return cluster.servers.find((server) => server !== leader);
  },
  async "a publisher's server"() {
    for (const server of cluster.servers) if ((await server.clients()).includes("one")) return server;
    return undefined;
  },
};

/** Stops a server half of the time, in pulses, as a disk does that is slow to sync. */
let pulses: Timer | undefined;
const slow = (server: ClusterServer) => {
  let stopped = false;
  pulses = systemClock.every(PULSE_MS, () => {
    stopped = !stopped;
    server.signal(stopped ? "SIGSTOP" : "SIGCONT");
  });
};
const fast = (server: ClusterServer) => {
  pulses?.cancel();
  server.signal("SIGCONT");
};

const faults: readonly Fault[] = [
  { what: "SIGKILL of", begin: (server) => server.kill(), end: (server) => server.start() },
  { what: "SIGSTOP of", begin: (server) => server.signal("SIGSTOP"), end: (server) => server.signal("SIGCONT") },
  { what: "slowness of", begin: slow, end: fast },
  { what: "a partition of", begin: (server) => server.isolate(), end: (server) => server.mend() },
];

describe.each(await natsVersions())("three nats-servers $version", (version) => {
  describe.each(faults)("$what", ({ what, begin, end }) => {
    test.each(Object.keys(roles))("%s loses nothing, and nothing is judged twice", async (role) => {
      cluster = await startNatsCluster(version);
      const [one, two, evaluator] = await Promise.all(
        ["one", "two", "evaluator"].map((name) => connect(cluster.url, name)),
      );
      const stop = new AbortController();
      const work = Promise.all([
        publishing(one as JetStreamBackplane, "m1", stop.signal),
        publishing(two as JetStreamBackplane, "m2", stop.signal),
      ]);
      const judges = new AbortController();
      const verdicts = judging(evaluator as JetStreamBackplane, judges.signal);
      const clashes = holding([one, two] as JetStreamBackplane[], stop.signal);
      await systemClock.sleep(AROUND_MS);
      const victim = await roles[role]?.();
      await begin(victim as ClusterServer);
      await systemClock.sleep(FAULT_MS);
      await end(victim as ClusterServer);
      await systemClock.sleep(AROUND_MS);
      stop.abort();
      const published = await work;

      const reader = await connect(cluster.url, "reader");
      for (const { acknowledged } of published) {
        const component = acknowledged[0]?.component as string;
        const listed = await reader.registry.list(component);
        expect(listed).toEqual(acknowledged);
        expect(listed.map(({ serial }) => serial)).toEqual(listed.map((_, index) => index + 1));
        for (const manifest of listed) await reader.registry.bytes(manifest);
      }
      const all = published.flatMap(({ acknowledged }) => acknowledged);
      const allJudged = async () => {
        while ((await reader.verdicts.list()).length < all.length) await systemClock.sleep(100);
        judges.abort();
      };
      const [judged] = await Promise.all([verdicts, allJudged()]);
      expect(judged.size).toBe(all.length);
      expect(new Set(judged.values())).toEqual(new Set([1]));
      expect(await clashes).toBe(0);
      const gap = Math.max(...published.map(({ longest }) => longest));
      console.log(
        `nats-server ${version.version}, ${what} ${role}: ${all.length} snapshots, longest gap of a publisher ${(gap / 1000).toFixed(1)} s`,
      );
    });
  });

  test("new streams have three replicas, and --replicas changes existing ones", async () => {
    cluster = await startNatsCluster(version);
    const replicas = async () => {
      const raw = await connectRaw(cluster.url);
      const streams = await raw.jsm.streams.list().next();
      await raw.close();
      return new Set(streams.map(({ config }) => config.num_replicas));
    };
    await connect(cluster.url, "first");
    expect(await replicas()).toEqual(new Set([3]));
    opened.push(
      await connectJetStream({ url: cluster.url, pipeline: "demo", name: "one", clock: systemClock, replicas: 1 }),
    );
    expect(await replicas()).toEqual(new Set([1]));
  });
});
