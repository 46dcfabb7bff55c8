import { expect, test } from "vitest";
import { timestamp } from "../../../../services/common/clock/clock.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { createRandom, type Random } from "../../../../services/data/random/random.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";
import { type Decision, type LedgerEntry, movesName, type Release } from "../../../../services/pipeline/release.ts";
import type { Composition, Logged } from "../../../../services/pipeline/verdict.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { draft, model, quarantine, verdict } from "../../../helpers/drafts.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { runPlantedGate } from "../../../helpers/planted-gates.ts";

const HORIZON = 6;
const gate = { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest", horizon: HORIZON } as const;
const pipeline = { ...twoComponents, gate };
const GATES = 3;
const EVENTS = 40;
/** Of an append on its way to the ledger. */
const MOST_DELAY_MS = 300;
const stamp = { version: 1, pipeline: "demo", at: "1970-01-01T00:00:00.000Z" } as const;

/** The store as one gate finds it: late, failing before or after it has done what it was asked, and without leases. */
function unreliable(backplane: Backplane, random: Random, clock: { sleep(ms: number): Promise<void> }): Backplane {
  const { ledger } = backplane;
  const away = () => new UncoupleError("unavailable", "the store is away");
  return {
    ...backplane,
    leases: {
      ...backplane.leases,
      // The lease of a gate that hangs has expired: several decide at a time.
      acquire: async () => ({ lost: new AbortController().signal, release: async () => {} }),
    },
    ledger: {
      ...ledger,
      async append(entry, after) {
        const what = random.below(10);
        if (what === 0) throw away();
        if (what < 4) await clock.sleep(random.below(MOST_DELAY_MS));
        const position = await ledger.append(entry, after);
        if (what === 1) throw away();
        if (what < 7) await clock.sleep(random.below(MOST_DELAY_MS));
        return position;
      },
    },
  };
}

/** One schedule of snapshots, people and quarantines, before gates that die and are replaced. @returns the ledger */
async function play(seed: number) {
  const random = createRandom(seed, "gate schedules");
  const clock = createVirtualClock();
  const backplane = createMemoryBackplane("demo", { clock });
  const quality = new Map<string, number>();
  // An update may need one of the other component.
  const lossOf = ({ u = 0, d = 0 }: Composition) =>
    (quality.get(`u${u}`) as number) * (quality.get(`d${d}`) as number) * (u % 3 === d % 3 ? 1 : 1.1);
  const running = new Map<number, AbortController>();
  const ended: Promise<unknown>[] = [];
  const start = (at: number, reliable = false) => {
    const dying = new AbortController();
    running.set(at, dying);
    const store = reliable ? backplane : unreliable(backplane, createRandom(seed, `store ${at}`), clock);
    const planted = { name: `e${at}`, pipeline, backplane: store, clock, lossOf };
    ended.push(runPlantedGate(planted, dying.signal));
  };
  const publish = async (component: "u" | "d") => {
    const { serial } = await backplane.registry.publish(draft({ component }), model(1), "any");
    quality.set(`${component}${serial}`, serial === 1 ? 1 : 0.5 + 0.7 * random.uniform());
    await backplane.verdicts.append(verdict(component, serial));
  };
  const released = async () => (await backplane.ledger.release())?.value;
  const snapshotOf = async (component: "u" | "d") => {
    const { length } = await backplane.registry.list(component);
    return { component, serial: 1 + random.below(length) };
  };

  for (let at = 0; at < GATES; at++) start(at);
  await publish("u");
  await publish("d");
  for (let event = 0; event < EVENTS; event++) {
    await clock.advance(random.below(200));
    const component = random.below(2) === 0 ? "u" : "d";
    const what = random.below(20);
    if (what < 9) await publish(component);
    else if (what < 13) {
      const at = random.below(GATES);
      running.get(at)?.abort(new UncoupleError("cancelled", "killed"));
      start(at);
    } else if (what < 16) {
      const verb = what === 13 ? "hold" : "resume";
      const snapshots = [await snapshotOf(component)];
      const at = timestamp(clock);
      await backplane.ledger.append({ ...stamp, at, entry: "order", verb, snapshots, by: "ann", reason: null });
    } else if (what < 18) {
      const newest = await released();
      const { serial } = await snapshotOf(component);
      if (newest === undefined) continue;
      await backplane.ledger.append({
        ...newest,
        number: newest.number + 1,
        previous: newest.number,
        composition: { ...newest.composition, [component]: serial },
        cause: { type: "person", by: "ann", reason: null },
      });
    } else if (what === 18)
      await backplane.quarantines.append(quarantine(component, (await snapshotOf(component)).serial));
  }
  for (const dying of running.values()) dying.abort(new UncoupleError("cancelled", "killed"));
  start(GATES, true);
  for (let turn = 0; turn < 100; turn++) await clock.advance(50);
  running.get(GATES)?.abort(new UncoupleError("cancelled", "the end"));
  await Promise.all(ended);

  const entries: Logged<LedgerEntry>[] = [];
  for await (const entry of backplane.ledger.read(0)) entries.push(entry);
  const quarantines = await backplane.quarantines.list();
  await backplane.close();
  return { entries, quarantines };
}

const isRelease = (one: Logged<LedgerEntry>): one is Logged<Release> => one.value.entry === "release";
const isDecision = (one: Logged<LedgerEntry>): one is Logged<Decision> => one.value.entry === "decision";

test.each(Array.from({ length: Number(process.env.FAULT_SCHEDULES ?? 20) }, (_, seed) => seed))(
  "whatever dies, fails and is ordered, only decisions, people and quarantines release, each once: schedule %i",
  async (seed) => {
    const { entries, quarantines } = await play(seed);
    const releases = entries.filter(isRelease);
    const decisions = entries.filter(isDecision);
    const carriedOut: number[] = [];
    let before: Release | undefined;
    for (const { position, value } of releases) {
      const { cause, composition } = value;
      const previous: Composition = before?.composition ?? {};
      const moved = [...new Set([...Object.keys(previous), ...Object.keys(composition)])].filter(
        (name) => composition[name] !== previous[name],
      );
      expect([value.number, value.previous]).toEqual([(before?.number ?? 0) + 1, before?.number ?? null]);
      if (cause.type === "decision") {
        const found = decisions.find((one) => one.position === cause.position)?.value;
        expect(found).toMatchObject({ decision: "promoted", release: value.previous });
        expect(composition).toEqual({ ...previous, ...found?.moves });
        expect(cause.position).toBeLessThan(position);
        carriedOut.push(cause.position);
      } else if (cause.type === "quarantine") {
        const { component, serial } = cause.snapshot;
        expect(quarantines.map((one) => [one.component, one.serial])).toContainEqual([component, serial]);
        expect(previous[component]).toBe(serial);
        expect(moved).toEqual([component]);
      } else if (cause.type === "bootstrap") {
        expect(moved).toHaveLength(1);
        expect(previous[moved[0] as string]).toBeUndefined();
      } else expect(cause.type).toBe("person");
      before = value;
    }
    expect(new Set(carriedOut).size).toBe(carriedOut.length);

    // No question was asked twice, and none beyond the horizon.
    const questions = decisions.flatMap(({ value }) => (value.asked === null ? [] : [value.asked.question]));
    expect(questions).toEqual(questions.map((_, index) => index + 1));
    expect(questions.length).toBeLessThanOrEqual(HORIZON);

    // Nothing that a person holds is released, but for an order that comes while the release is on its way.
    for (const { position, value } of releases) {
      if (value.cause.type !== "decision") continue;
      for (const [component, serial] of Object.entries(value.composition)) {
        const orders = entries.flatMap((one) =>
          one.position < position && one.value.entry === "order" ? [one.value] : [],
        );
        const newest = orders.findLast(({ snapshots }) =>
          snapshots.some((snapshot) => snapshot.component === component && snapshot.serial === serial),
        );
        const wasReleased = releases[value.number - 2]?.value.composition[component] === serial;
        if (newest?.verb !== "hold" || wasReleased) continue;
        expect(Date.parse(value.at) - Date.parse(newest.at)).toBeLessThan(MOST_DELAY_MS);
      }
    }

    // In the end, every promotion is released or void.
    const voided = decisions.flatMap(({ position, value }) =>
      value.decision === "void" ? [{ position, name: movesName(value.moves) }] : [],
    );
    for (const { position, value } of decisions) {
      if (value.decision !== "promoted" || carriedOut.includes(position)) continue;
      expect(voided.some((one) => one.name === movesName(value.moves) && one.position > position)).toBe(true);
    }
  },
);
