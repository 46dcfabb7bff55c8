import { expect } from "vitest";
import type { Clock } from "../../services/common/clock/clock.ts";
import { isTransient } from "../../services/common/errors.ts";
import type { EntryKind, LedgerEntry, Release } from "../../services/pipeline/release.ts";
import type { Composition, Logged } from "../../services/pipeline/verdict.ts";
import type { Ledger } from "../../services/registry/ledger.ts";
import { createLedgerState, type LedgerState } from "../../services/releases/ledger-state.ts";
import * as make from "./drafts.ts";
import { seededRandom } from "./faulty-backplane.ts";

/** A process that changes what is in use, and dies and starts again in between. */
export interface PromoterOptions {
  readonly pipeline: string;
  /** Of 1, 2, 3 ...: the third is a person, who takes releases back without a decision. */
  readonly number: number;
  readonly seed: number;
  readonly clock: Clock;
  /** How many releases the ledger shall have. */
  readonly releases: number;
  /** Longest pause between two calls, in milliseconds. */
  readonly pauseMs: number;
  /** The ledger as a new process sees it. */
  start(): Promise<Ledger>;
}

/** Of processes between two calls, and of those whose call fails: how many die. */
const DEATHS = { between: 0.1, failing: 0.5 };

class Killed extends Error {}

/**
 * Decides that snapshots move, and releases what was decided, until the ledger has enough releases. `a` and `b` move together
 * or not at all. A promotion that another process has decided is carried out first, or made void if a release came between.
 */
export async function promote(options: PromoterOptions): Promise<void> {
  const { number, seed, clock, releases, pauseMs } = options;
  const random = seededRandom(seed * 1_000 + number);
  let moves = 0;
  const next = (): Composition => {
    const serial = 3 * ++moves + number;
    return random() < 0.5 ? { a: serial, b: serial } : { c: serial };
  };
  const live = async (): Promise<void> => {
    const ledger = await options.start();
    const state = createLedgerState();
    const ends = new Map<EntryKind, number>();
    let history: Release[] = [];
    for (;;) {
      for await (const logged of ledger.read(state.end() + 1)) {
        state.note(logged);
        ends.set(logged.value.entry, logged.position);
        if (logged.value.entry === "release") history = [...history, logged.value];
      }
      if (history.length >= releases) return;
      await clock.sleep(random() * pauseMs);
      const entry = number === 3 && random() < 0.3 ? takeBack(options, history) : decide(options, state, next);
      await persistently(() => ledger.append(entry, ends.get(entry.entry) ?? 0));
      if (random() < DEATHS.between) throw new Killed();
    }
  };
  /** After `unavailable`, the same call is safe. */
  const persistently = async (call: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      try {
        await call();
        return;
      } catch (thrown) {
        if (!isTransient(thrown)) throw thrown;
        if (random() < DEATHS.failing) throw new Killed();
      }
    }
  };
  for (;;) {
    try {
      return await live();
    } catch (thrown) {
      if (!(thrown instanceof Killed) && !isTransient(thrown)) throw thrown;
      await clock.sleep(random() * pauseMs);
    }
  }
}

/** What a gate does next. */
function decide({ pipeline, number }: PromoterOptions, state: LedgerState, next: () => Composition): LedgerEntry {
  const newest = state.release();
  const current = newest?.number ?? 0;
  const promoted = state.unreleased();
  const by = `promoter-${number}`;
  if (promoted === undefined) return make.decision(next(), { pipeline, by, release: current });
  const { moves, release } = promoted.value;
  if (release !== current) {
    return make.decision(moves, { pipeline, by, release, decision: "void", reasons: ["moved"], asked: null });
  }
  return make.release(current + 1, {
    pipeline,
    composition: { ...newest?.composition, ...moves },
    cause: { type: "decision", position: promoted.position },
  });
}

/** A release of what the one before the newest had. */
function takeBack({ pipeline }: PromoterOptions, history: readonly Release[]): Release {
  return make.release(history.length + 1, {
    pipeline,
    kind: "rollback",
    composition: history.at(-2)?.composition ?? {},
    cause: { type: "person", by: "ann", reason: null },
  });
}

/** What a reader has seen until now. */
export interface Readings {
  readonly watched: readonly Logged<LedgerEntry>[];
  readonly newest: readonly Release[];
  readonly ended: Promise<unknown>;
}

/** Watches a ledger and asks for its newest release, again and again, until the signal aborts. */
export function readLedger(
  ledger: Ledger,
  { clock, pauseMs }: Pick<PromoterOptions, "clock" | "pauseMs">,
  signal: AbortSignal,
): Readings {
  const watched: Logged<LedgerEntry>[] = [];
  const newest: Release[] = [];
  const persistently = async (work: () => Promise<void>) => {
    while (!signal.aborted) {
      try {
        await work();
      } catch (thrown) {
        if (!isTransient(thrown)) throw thrown;
      }
      await clock.sleep(pauseMs / 4, signal).catch(() => {});
    }
  };
  const watch = async () => {
    for await (const logged of ledger.watch((watched.at(-1)?.position ?? 0) + 1, signal)) {
      // A faulty network may deliver twice.
      if (logged.position > (watched.at(-1)?.position ?? 0)) watched.push(logged);
    }
  };
  const ask = async () => {
    const release = await ledger.release();
    if (release !== undefined) newest.push(release.value);
  };
  return { watched, newest, ended: Promise.all([persistently(watch), persistently(ask)]) };
}

/** Checks that the ledger is one sequence of whole compositions which somebody decided, each once. @returns its releases */
export function checkSequence(entries: readonly Logged<LedgerEntry>[]): readonly Release[] {
  const byPosition = new Map(entries.map(({ position, value }) => [position, value]));
  const releases: Release[] = [];
  const carriedOut = new Set<number>();
  for (const { position, value } of entries) {
    if (value.entry !== "release") continue;
    const before = releases.at(-1);
    expect(value).toMatchObject({ number: releases.length + 1, previous: before?.number ?? null });
    expect(value.composition.a, `release ${value.number} is whole`).toBe(value.composition.b);
    const { cause } = value;
    if (cause.type === "decision") {
      expect(cause.position).toBeLessThan(position);
      expect(carriedOut.has(cause.position), `decision ${cause.position} is carried out once`).toBe(false);
      carriedOut.add(cause.position);
      const decided = byPosition.get(cause.position);
      if (decided?.entry !== "decision") throw new Error(`${cause.position} is no decision`);
      expect(decided).toMatchObject({ decision: "promoted", release: before?.number ?? 0 });
      expect(value.composition).toEqual({ ...before?.composition, ...decided.moves });
    } else {
      expect(cause.type).toBe("person");
      expect(value.composition).toEqual(releases.at(-2)?.composition ?? {});
    }
    releases.push(value);
  }
  return releases;
}

/** Checks that a reader saw the sequence from its beginning, in its order. */
export function checkReadings(
  { watched, newest }: Pick<Readings, "watched" | "newest">,
  entries: readonly Logged<LedgerEntry>[],
): void {
  const releases = checkSequence(entries);
  expect(watched).toEqual(entries.slice(0, watched.length));
  let last = 0;
  for (const release of newest) {
    expect(release).toEqual(releases[release.number - 1]);
    expect(release.number).toBeGreaterThanOrEqual(last);
    last = release.number;
  }
}
