import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { collect } from "../../services/registry/logged.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { colorContent, publishColor, readCurrent, releaseColors } from "../helpers/served-releases.ts";
import { runCliProcess, spawnCli } from "../helpers/spawn-cli.ts";

/** `npm run test:faults` kills more often. */
const KILLS = Number(process.env.FOLLOWER_KILLS ?? 3);

let server: TestNats;
let backplane: JetStreamBackplane;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "uncouple-follow-"));
  server = await startTestNats();
  backplane = await connectJetStream({ clock: systemClock, url: server.url, pipeline: "colors", name: "test" });
  await backplane.pipelines.apply(colorContent, null, "test");
  for (const component of ["class", "price", "rank"]) {
    for (let seed = 1; seed <= 3; seed++) await publishColor(backplane, component, seed);
  }
});
afterAll(async () => {
  await backplane.close();
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

function follow(into: string, ...more: readonly string[]): readonly string[] {
  return ["follow-release", "--into", into, "--nats", server.url, "--pipeline", "colors", ...more];
}

test("--once waits for a release, serves it, and reports it; then it follows through an outage and stops on SIGTERM", async () => {
  const into = join(root, "served");
  const early = await runCliProcess(follow(into, "--once", "--startup-timeout", "1s"));
  expect(early.code).not.toBe(0);
  expect(early.stderr).toContain("there is no release yet, after 1 s");

  await releaseColors(backplane, { class: 1, price: 1, rank: 1 });
  const log = join(root, "log");
  const exec = ["--exec", `echo "$UNCOUPLE_RELEASE $UNCOUPLE_RELEASE_DIR" >> ${log}`, "--follower", "web"];
  expect(await runCliProcess(follow(into, "--once", ...exec))).toMatchObject({ code: 0 });
  expect((await readCurrent(into))?.number).toBe(1);
  expect(await readFile(log, "utf8")).toBe(`1 ${into}/releases/1\n`);

  const following = spawnCli(follow(into, ...exec, "--metrics-port", "0"));
  await following.seen(/following the releases of colors/);
  const other = await runCliProcess(follow(into, "--once"));
  expect(other.stderr).toContain(`${into} is in use by the running process ${following.child.pid}`);
  await server.kill();
  await server.restart();
  await releaseColors(backplane, { class: 2, price: 1, rank: 1 });
  await following.seen(/release 2 is served/);
  following.child.kill("SIGTERM");
  expect(await following.ended).toBe(0);
  expect(await readFile(log, "utf8")).toBe(`1 ${into}/releases/1\n2 ${into}/releases/2\n`);
  const reports = (await collect(backplane.ledger.read(0))).filter(({ entry }) => entry === "served");
  expect(reports).toMatchObject([
    { follower: "web", release: 1 },
    { follower: "web", release: 2 },
  ]);
});

test(
  "killed at random moments while releases follow each other, it never shows a reader a mix",
  async () => {
    const into = join(root, "killed");
    const random = createRandom(17, "kills");
    let over = false;
    const seen = new Set<number>();
    const reading = (async () => {
      while (!over) {
        const release = await readCurrent(into);
        if (release !== undefined) seen.add(release.number);
        await sleep(2);
      }
    })();
    const releasing = (async () => {
      for (let at = 0; !over; at++) {
        await releaseColors(backplane, { class: 1 + (at % 3), price: 1 + (Math.floor(at / 3) % 3), rank: 1 });
        await sleep(150);
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawnCli(follow(into, "--follower", "killed", "--keep", "40", "--exec", "true"));
      // The first seconds are the start.
      await child.seen(/release \d+ is linked/);
      await sleep(random.uniform() * 400);
      child.child.kill("SIGKILL");
      await child.ended;
    }
    over = true;
    await Promise.all([reading, releasing]);
    expect(await runCliProcess(follow(into, "--once", "--follower", "killed"))).toMatchObject({
      code: 0,
    });
    const newest = (await backplane.ledger.release())?.value;
    expect(await readCurrent(into)).toMatchObject({ number: newest?.number, composition: newest?.composition });
    expect(seen.size).toBeGreaterThan(KILLS);
    const reports = (await collect(backplane.ledger.read(0))).filter(({ entry }) => entry === "served");
    expect(reports.at(-1)).toMatchObject({ follower: "killed", release: newest?.number });
    expect((await readdir(join(into, "releases"))).filter((name) => !/^\d+$/.test(name))).toEqual([]);
  },
  60_000 + KILLS * 10_000,
);
