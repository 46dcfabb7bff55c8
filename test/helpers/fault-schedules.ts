import { expect } from "vitest";
import { asUncoupleError } from "../../services/common/errors.ts";
import { aliasHistory, releasesOf } from "../../services/composition/champions.ts";
import { type SnapshotManifest, snapshotName } from "../../services/pipeline/manifest.ts";
import type { Release } from "../../services/pipeline/release.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { pinComponent } from "../../services/releases/pin.ts";
import { retryWhileUnavailable } from "../../services/trainer/runs/retry-while-unavailable.ts";
import { draft } from "./drafts.ts";
import { faultyBackplane, seededRandom } from "./faulty-backplane.ts";
import { linearBytes } from "./linear-pipelines.ts";
import { silentLog } from "./log.ts";
import { openMemoryEvaluators, specs } from "./memory-evaluators.ts";

const never = new AbortController().signal;
const COMPONENTS = ["u", "d"] as const;
const RUNS = 2;
const RATE = 0.2;
/** Of virtual time: far longer than any schedule takes. */
const LIMIT_MS = 24 * 3_600_000;

/** What a client asked to be published, and how that ended. */
interface Attempt {
  readonly runId: string;
  readonly bytes: Uint8Array;
  outcome: SnapshotManifest | "conflict" | undefined;
}

/**
 * Two trainers per component publish, a person moves champions, and two evaluators judge, each over a bad network of its
 * own, on a virtual clock. Everything follows from the seed. Checks what the registry promises.
 */
export async function runFaultSchedule(seed: number): Promise<void> {
  // The fewest rows that can be judged.
  const world = openMemoryEvaluators(30);
  const { backplane, clock } = world;
  const client = (index: number) =>
    faultyBackplane(backplane, { random: seededRandom(seed * 100 + index), clock, rate: RATE });
  const outage = { seconds: 3_600, signal: never, clock, log: silentLog };
  const attempts: Attempt[] = [];
  const whole = observe(backplane, attempts);

  const publisher = async (index: number, component: (typeof COMPONENTS)[number]) => {
    const { registry } = client(index);
    for (let run = 0; run < RUNS; run++) {
      const runId = `${component}-${index}-${run}`;
      const bytes = linearBytes({ weights: { x: 1 + index / 8 + run / 16 } });
      const attempt: Attempt = { runId, bytes, outcome: undefined };
      attempts.push(attempt);
      // One of the two insists on its parent, and may meet a conflict.
      const newest = await retryWhileUnavailable("looking", outage, () => registry.latest(component));
      const parent = index % 2 === 0 ? "any" : (newest?.serial ?? null);
      const made = draft({ component, runId, contract: specs[component] });
      const publish = () => registry.publish(made, bytes, parent);
      attempt.outcome = await retryWhileUnavailable("publishing", outage, publish).catch((thrown: unknown) => {
        expect(asUncoupleError(thrown).code).toBe("conflict");
        return "conflict" as const;
      });
    }
  };
  const promoter = async () => {
    const deps = { backplane: client(8), pipeline: "demo", clock };
    const refused = /unavailable|conflict|not-found|failed-precondition/;
    for (let move = 0; move < 4; move++) {
      await clock.sleep(5_000);
      const request = { component: "u", by: "test", reason: null };
      await pinComponent(deps, request, 1 + (move % 2)).catch((thrown: unknown) =>
        expect(asUncoupleError(thrown).code).toMatch(refused),
      );
    }
  };
  let busy = true;
  const clients = Promise.all([
    publisher(0, "u"),
    publisher(1, "u"),
    publisher(2, "d"),
    publisher(3, "d"),
    promoter(),
  ]).finally(() => {
    busy = false;
  });
  world.start({ name: "e1" }, client(9));
  world.start({ name: "e2" }, client(10));

  const settled = async () => {
    const judged = (await backplane.verdicts.end()) + (await backplane.quarantines.end());
    return judged >= (await backplane.registry.end());
  };
  while (busy || !(await settled()) || !(await isReleased(backplane))) {
    expect(clock.elapsed(), `seed ${seed} does not come to an end`).toBeLessThan(LIMIT_MS);
    await clock.next();
  }
  await clients;
  await check(backplane, attempts);
  const closing = world.close();
  for (let closed = false; !closed; ) {
    void closing.then(() => {
      closed = true;
    });
    await clock.advance(1_000);
  }
  expect((await whole).map(snapshotName)).toHaveLength(attempts.filter(({ outcome }) => outcome !== "conflict").length);
}

/** Whether the newest release has the newest snapshot of each component, or the pinned one. */
async function isReleased({ ledger, registry }: Backplane): Promise<boolean> {
  const { composition = {}, pinned = [] } = (await ledger.release())?.value ?? {};
  const newest = await Promise.all(COMPONENTS.map((component) => registry.latest(component)));
  return newest.every(
    (manifest) =>
      manifest && (pinned.includes(manifest.component) || composition[manifest.component] === manifest.serial),
  );
}

/** Reads the bytes of each snapshot as soon as it is announced. */
async function observe(backplane: Backplane, attempts: readonly Attempt[]): Promise<readonly SnapshotManifest[]> {
  const seen: SnapshotManifest[] = [];
  for await (const { manifest } of backplane.registry.watch(0, never)) {
    const bytes = await backplane.registry.bytes(manifest);
    const asked = attempts.find(({ runId }) => runId === manifest.runId);
    expect(Buffer.compare(bytes, asked?.bytes ?? new Uint8Array()), `${snapshotName(manifest)} is whole`).toBe(0);
    seen.push(manifest);
  }
  return seen;
}

/** Checks the registry's promises on a backplane without faults. */
async function check(backplane: Backplane, attempts: readonly Attempt[]): Promise<void> {
  const { registry } = backplane;
  const snapshots = await registry.list();
  for (const component of COMPONENTS) {
    const listed = await registry.list(component);
    expect(listed.map(({ serial }) => serial)).toEqual(listed.map((_, index) => index + 1));
    expect(listed.map(({ parent }) => parent)).toEqual(listed.map((_, index) => (index === 0 ? null : index)));
  }
  expect(new Set(snapshots.map(({ runId }) => runId)).size).toBe(snapshots.length);
  for (const { runId, outcome } of attempts) {
    const listed = snapshots.find((snapshot) => snapshot.runId === runId);
    expect(listed ?? "conflict", runId).toEqual(outcome);
  }
  // Every snapshot is sound, so that each has one verdict and none is quarantined.
  const verdicts = await backplane.verdicts.list();
  expect(verdicts.map(snapshotName).toSorted()).toEqual(snapshots.map(snapshotName).toSorted());
  expect(await backplane.quarantines.list()).toEqual([]);
  const moves = await aliasHistory(backplane, "u");
  expect(moves.map(({ previous }) => previous)).toEqual(moves.map((_, index) => moves[index - 1]?.serial ?? null));
  let last: Release | undefined;
  for await (const release of releasesOf(backplane.ledger)) {
    expect(release).toMatchObject({ number: (last?.number ?? 0) + 1, previous: last?.number ?? null });
    // No evaluator undoes what another one has released; only a person goes back.
    for (const [name, serial] of Object.entries(last?.composition ?? {})) {
      const isPinned = release.pinned.includes(name) || last?.pinned.includes(name);
      if (!isPinned) expect(release.composition[name], `release ${release.number}`).toBeGreaterThanOrEqual(serial);
    }
    last = release;
  }
}
