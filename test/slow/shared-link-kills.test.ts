import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { release, tombstone, verdict } from "../helpers/drafts.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../helpers/raw-nats.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";

/** Each kill costs the ten seconds that a lease outlives its holder. */
const KILLS = 12;
/** What kills the evaluator that links, in turn: a write of it, or time since the owner's release. */
const MOMENTS = ["reference", "link", "time"] as const;

let nats: TestNats;
let lender: EvaluatorWorld;
let borrower: JetStreamBackplane;
let raw: RawNats;
let dir: string;
const running = new Map<string, CliProcess>();
const command = (...args: string[]) => cli([...args, "--nats", nats.url], { cwd: dir });

beforeEach(async () => {
  nats = await startTestNats();
  lender = await openEvaluatorWorld(nats.url, "lender", 400, "retention: { keep: 1, champions: 1 }\n");
  dir = await mkdtemp(join(tmpdir(), "uncouple-link-kills-"));
  await writeFile(
    join(dir, "borrower.yaml"),
    `pipeline: borrower
data: { source: synthetic, generator: two-stage, seed: 11, rows: 400, test_fraction: 0.5 }
components:
  click: { from: lender/m1 }
  m2: { columns: [x2], upstream: [click], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`,
  );
  expect(await command("pipeline", "apply", lender.pipelineFile)).toMatchObject({ code: 0 });
  expect(await command("pipeline", "lock", "borrower.yaml")).toMatchObject({ code: 0 });
  expect(await command("pipeline", "apply", "borrower.yaml")).toMatchObject({ code: 0 });
  borrower = await connectJetStream({ clock: systemClock, url: nats.url, pipeline: "borrower", name: "test" });
  raw = await connectRaw(nats.url);
});
afterEach(async () => {
  for (const { child, ended } of running.values()) {
    child.kill("SIGKILL");
    await ended;
  }
  running.clear();
  await raw.close();
  await borrower.close();
  await lender.close();
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

function startEvaluator(name: string): void {
  const where = ["--pipeline", "borrower.yaml", "--nats", nats.url, "--port", "0", "--metrics-port", "0"];
  running.set(name, spawnCli(["evaluator", "--name", name, ...where], { cwd: dir }));
}

/** Polls until something is there. @throws Error after three minutes, with what the evaluators have printed */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = process.uptime() + 180;
  while (process.uptime() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(20);
  }
  const printed = [...running].map(([name, { stderr, stdout }]) => `${name}:\n${stdout()}${stderr()}`);
  throw new Error(`no ${what} within three minutes\n${printed.join("\n")}`);
}

/** The living evaluator that links. */
const linker = () =>
  until("evaluator that links", async () => {
    const holder = await borrower.leases.holder("link");
    return holder !== undefined && running.has(holder) ? holder : undefined;
  });
const linked = async () =>
  (await borrower.registry.list("click")).map(({ serial, provenance }) => ({
    serial,
    owners: provenance.origin?.serial ?? 0,
  }));

/** Publishes two snapshots of the owner and releases the second. @returns its serial */
async function releaseNext(number: number): Promise<number> {
  for (const seed of [2 * number - 1, 2 * number]) {
    const { serial } = await lender.publish("m1", spoilt(oracleOf("m1"), 0.5, seed));
    await lender.backplane.verdicts.append(verdict("m1", serial, { pipeline: "lender" }));
  }
  await lender.backplane.ledger.append(release(number, { pipeline: "lender", composition: { m1: 2 * number } }));
  return 2 * number;
}

/** Everything that evaluators write about the owner's snapshots, in the order of the server. */
function watchWrites(): { readonly writes: string[]; onWrite: (write: string) => void } {
  const watched = { writes: [] as string[], onWrite: (_: string) => {} };
  const note = (subject: string, name: (body: Record<string, never>) => string | undefined) => {
    const callback = (error: Error | null, message: { readonly data: Uint8Array }) => {
      const write = error === null ? name(JSON.parse(Buffer.from(message.data).toString())) : undefined;
      if (write === undefined) return;
      watched.writes.push(write);
      watched.onWrite(write);
    };
    raw.nc.subscribe(subject, { callback });
  };
  note("uncouple.lender.tombstones.m1.*.*", ({ serial, pins = [] }: { serial?: number; pins?: unknown[] }) =>
    pins.length > 0 ? `reference ${serial}` : `release ${serial}`,
  );
  note(
    "uncouple.borrower.snapshots.click.*",
    ({ manifest }: { manifest?: SnapshotManifest }) => `link ${manifest?.provenance.origin?.serial}`,
  );
  return watched;
}

test("evaluators that are killed while they link leave each release linked once, after its reference", async () => {
  const random = createRandom(19, "kills");
  const watched = watchWrites();
  for (const name of ["e1", "e2"]) startEvaluator(name);
  const collected = new Set<number>();
  let collecting = true;
  const owner = (async () => {
    while (collecting) {
      const done = await command("gc", "--pipeline", "lender", "--pipeline-file", lender.pipelineFile, "--json");
      expect(done).toMatchObject({ code: 0 });
      for (const { serial } of JSON.parse(done.stdout).deleted as { serial: number }[]) collected.add(serial);
      await sleep(500);
    }
  })();
  let between = 0;
  for (let kill = 1; kill <= KILLS + 1; kill++) {
    const holder = await linker();
    const moment = MOMENTS[kill % MOMENTS.length];
    const victim = running.get(holder);
    const end = () => victim?.child.kill("SIGKILL");
    const serial = 2 * kill;
    watched.onWrite = (write) => {
      if (kill <= KILLS && write === `${moment} ${serial}`) end();
    };
    await releaseNext(kill);
    if (kill <= KILLS) {
      if (moment === "time") {
        await sleep(random.uniform() * 60);
        end();
      }
      await until(`${moment} of m1@${serial}`, async () => victim?.child.signalCode ?? undefined);
      running.delete(holder);
      if (watched.writes.includes(`reference ${serial}`) && (await linked()).at(-1)?.owners !== serial) between += 1;
      startEvaluator(`e${kill + 2}`);
    }
    const link = await until(`link of m1@${serial}`, async () =>
      (await linked()).find(({ owners }) => owners === serial),
    );
    // Every other link is deleted, after which the owner may delete the model.
    if (kill % 2 === 1 && kill <= KILLS) {
      const { position } = await borrower.retention.state();
      const stone = tombstone("click", link.serial, { pipeline: "borrower" });
      expect(await borrower.retention.delete(stone, position)).toBe(true);
    }
  }
  const numbers = Array.from({ length: KILLS + 1 }, (_, index) => index + 1);
  expect((await linked()).map(({ owners }) => owners)).toEqual(numbers.map((number) => 2 * number));
  for (const number of numbers) {
    const [reference, link] = ["reference", "link"].map((what) => watched.writes.indexOf(`${what} ${2 * number}`));
    expect(reference, `reference of m1@${2 * number}`).toBeGreaterThanOrEqual(0);
    expect(link, `link of m1@${2 * number}`).toBeGreaterThan(reference ?? Number.NaN);
  }
  // References are those of the links that are stored, and their models are there.
  const kept = numbers.filter((number) => number % 2 === 0 || number > KILLS).map((number) => 2 * number);
  await until("references of the stored links alone", async () => {
    const { references } = await lender.backplane.retention.state();
    return JSON.stringify(references.map(({ serial }) => serial)) === JSON.stringify(kept) || undefined;
  });
  for (const manifest of await borrower.registry.list("click")) {
    const { serial: owners = 0 } = manifest.provenance.origin ?? {};
    if (kept.includes(owners)) expect((await borrower.registry.bytes(manifest)).length).toBe(manifest.size);
  }
  // The owner has deleted what it never released, and what is linked nowhere any more, but its newest releases.
  const unused = numbers
    .slice(0, -2)
    .flatMap((number) => (number % 2 === 1 ? [2 * number - 1, 2 * number] : [2 * number - 1]));
  await until(
    "collection of what nobody uses",
    async () => unused.every((serial) => collected.has(serial)) || undefined,
  );
  expect(kept.filter((serial) => collected.has(serial))).toEqual([]);
  collecting = false;
  await owner;
  expect(await borrower.quarantines.list()).toEqual([]);
  console.log(`${between} of ${KILLS} kills came between the reference and the link`);
});
