import fc from "fast-check";
import { expect, test } from "vitest";
import type { Component, Pipeline } from "../../../services/pipeline/pipeline.ts";
import { type CandidateRun, movesName } from "../../../services/pipeline/release.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import {
  type CandidateAnswer,
  type CotrainingInput,
  closedCandidates,
  planCandidateRuns,
  retrainedSets,
} from "../../../services/releases/cotraining.ts";
import { benchPipeline } from "../../helpers/trainer-bench.ts";

/** What a test says of the world; everyone co-trains, and nothing was measured. */
interface World {
  readonly pipeline?: Pipeline;
  readonly release?: Composition;
  readonly held?: CotrainingInput["held"];
  readonly requests?: readonly CandidateRun[];
  readonly answers?: Readonly<Record<string, CandidateAnswer>>;
  readonly newest?: Composition;
  readonly cotraining?: readonly string[];
  readonly worse?: readonly Composition[];
}

const m1Held = { moves: { m1: 2 }, needs: ["m2"] };

function input(world: World = {}): CotrainingInput {
  const { pipeline = chain("m1", "m2"), held = [m1Held], requests = [], answers = {}, newest = {}, worse = [] } = world;
  const release = { number: 7, composition: world.release ?? { m1: 1, m2: 1, m3: 1, m4: 1 } };
  const names = new Set(worse.map(movesName));
  return {
    pipeline,
    release,
    held,
    requests,
    answers: new Map(Object.entries(answers)),
    newest: (component) => newest[component],
    cotrains: (component) => world.cotraining?.includes(component) ?? true,
    isWorse: (moves) => names.has(movesName(moves)),
  };
}

/** Each component reads the one before. */
function chain(...names: readonly string[]): Pipeline {
  return graph(Object.fromEntries(names.map((name, at) => [name, names.slice(Math.max(0, at - 1), at)])));
}

function graph(edges: Readonly<Record<string, readonly string[]>>): Pipeline {
  const [first] = benchPipeline.components;
  const components = Object.entries(edges).map(([name, upstream]) => ({ ...(first as Component), name, upstream }));
  return { ...benchPipeline, components };
}

/** Plans until nothing is left to append. @returns the open requests, and what was appended on the way */
function settled(world: World): { readonly open: readonly CandidateRun[]; readonly log: readonly string[] } {
  const open = new Map((world.requests ?? []).map((one) => [one.id, one]));
  const log: string[] = [];
  for (const plan of planCandidateRuns(input(world))) {
    log.push(`${plan.state} ${plan.id}`);
    if (plan.state === "cancelled") open.delete(plan.id);
    else open.set(plan.id, { version: 1, pipeline: "demo", at: "2026-11-29T00:00:00.000Z", ...plan });
  }
  const requests = [...open.values()];
  expect(planCandidateRuns(input({ ...world, requests }))).toEqual([]);
  return { open: requests, log };
}

const usable = (serial: number): CandidateAnswer => ({ serial, state: "usable" });

test("a held candidate asks the consumer that it needs, pinned to the release and the candidate", () => {
  const { open } = settled({ pipeline: chain("m0", "m1", "m2", "m3"), release: { m0: 4, m1: 1, m2: 3, m3: 5 } });
  expect(open).toMatchObject([
    {
      entry: "candidate-run",
      id: "m1@2:m2:1",
      state: "requested",
      candidate: { component: "m1", serial: 2 },
      consumer: "m2",
      attempt: 1,
      release: 7,
      upstream: { m0: 4, m1: 2 },
    },
  ]);
});

test("nobody is asked whose team does not co-train, or while an ancestor has no release", () => {
  expect(settled({ cotraining: [] }).log).toEqual([]);
  expect(settled({ pipeline: chain("m0", "m1", "m2"), release: { m1: 1, m2: 1 } }).log).toEqual([]);
});

test("a request stays open while it is answered, judged and up to the gate", () => {
  const { open } = settled({});
  for (const answer of [{ serial: 2, state: "unjudged" } as const, usable(2)]) {
    expect(settled({ requests: open, answers: { "m1@2:m2:1": answer } }).log).toEqual([]);
  }
  expect(retrainedSets(input({ answers: { "m1@2:m2:1": { serial: 2, state: "unjudged" } } }))).toEqual([]);
  expect(retrainedSets(input({ answers: { "m1@2:m2:1": usable(2) } }))).toEqual([{ m1: 2, m2: 2 }]);
});

test("a worse pair is followed by the next attempt, and three of them close the candidate", () => {
  let requests: readonly CandidateRun[] = [];
  const answers: Record<string, CandidateAnswer> = {};
  const worse: Composition[] = [];
  for (const attempt of [1, 2, 3]) {
    expect(closedCandidates(input({ requests, answers, worse }))).toEqual([]);
    const turn = settled({ requests, answers, worse });
    expect(turn.log).toEqual([`requested m1@2:m2:${attempt}`]);
    requests = turn.open;
    answers[`m1@2:m2:${attempt}`] = usable(attempt + 1);
    worse.push({ m1: 2, m2: attempt + 1 });
  }
  expect(closedCandidates(input({ requests, answers, worse }))).toEqual([{ m1: 2 }]);
  expect(settled({ requests, answers, worse }).open).toEqual([]);
  // Against the next release, the same answers are measured before anything is closed, and nothing is trained again.
  expect(settled({ answers }).log).toEqual([]);
  expect(retrainedSets(input({ answers }))).toEqual([{ m1: 2, m2: 2 }]);
});

test("an answer that cannot be used is a spent attempt, and closes nothing", () => {
  const unusable: CandidateAnswer = { serial: 2, state: "unusable" };
  expect(settled({ answers: { "m1@2:m2:1": unusable } }).log).toEqual(["requested m1@2:m2:2"]);
  // The release has moved past it.
  expect(settled({ answers: { "m1@2:m2:1": usable(2) }, release: { m1: 1, m2: 3 } }).log).toEqual([
    "requested m1@2:m2:2",
  ]);
  const answers = Object.fromEntries([1, 2, 3].map((attempt) => [`m1@2:m2:${attempt}`, unusable]));
  expect(settled({ answers }).log).toEqual([]);
  expect(closedCandidates(input({ answers }))).toEqual([]);
});

test.each<readonly [string, World, RegExp]>([
  ["a newer snapshot of the candidate's component", { newest: { m1: 3 } }, /^m1@3 is newer$/],
  ["a release with the candidate", { release: { m1: 2, m2: 1 }, held: [] }, /^release 7 has moved past m1@2$/],
  ["a team that no longer co-trains", { cotraining: [] }, /^the team of m2 does not co-train$/],
  ["a candidate that is no longer held", { held: [] }, /^m1@2 no longer waits for m2$/],
])("a request is cancelled by %s", (_, world, why) => {
  const requests = settled({}).open;
  const plans = planCandidateRuns(input({ requests, ...world }));
  expect(plans).toMatchObject([{ id: "m1@2:m2:1", state: "cancelled", why: expect.stringMatching(why) }]);
  settled({ requests, ...world });
});

test("a release that changes the pins renews the request", () => {
  const pipeline = chain("m0", "m1", "m2");
  const requests = settled({ pipeline, release: { m0: 1, m1: 1, m2: 1 } }).open;
  const { log, open } = settled({ pipeline, requests, release: { m0: 2, m1: 1, m2: 1 } });
  expect(log).toEqual(["cancelled m1@2:m2:1", "requested m1@2:m2:1"]);
  expect(open).toMatchObject([{ upstream: { m0: 2, m1: 2 } }]);
  // A release of what the consumer does not read changes nothing.
  expect(settled({ pipeline, requests, release: { m0: 1, m1: 1, m2: 2 } }).log).toEqual([]);
});

test("consumers that read one another are asked one after the other, and judged as one set", () => {
  const pipeline = graph({ m1: [], m2: ["m1"], m3: ["m1", "m2"] });
  const held = [{ moves: { m1: 2 }, needs: ["m3", "m2"] }];
  const first = settled({ pipeline, held });
  expect(first.log).toEqual(["requested m1@2:m2:1"]);
  const answers = { "m1@2:m2:1": usable(2) };
  const second = settled({ pipeline, held, answers, requests: first.open });
  expect(second.log).toEqual(["requested m1@2:m3:1"]);
  expect(second.open.at(-1)).toMatchObject({ upstream: { m1: 2, m2: 2 } });
  const all = { ...answers, "m1@2:m3:1": usable(4) };
  expect(retrainedSets(input({ pipeline, held, answers: all }))).toEqual([{ m1: 2, m2: 2, m3: 4 }]);
  // Without m2, m3 is asked on its own.
  expect(settled({ pipeline, held, cotraining: ["m3"] }).open).toMatchObject([{ upstream: { m1: 2, m2: 1 } }]);
});

test("consumers that do not read one another are asked together", () => {
  const pipeline = graph({ m1: [], m2: ["m1"], m3: ["m1"], m4: ["m2", "m3"] });
  const held = [{ moves: { m1: 2 }, needs: ["m2", "m3"] }];
  expect(settled({ pipeline, held }).log).toEqual(["requested m1@2:m2:1", "requested m1@2:m3:1"]);
});

test("the consumer of a consumer is asked once the retrained pair is held for it; a newer consumer does not supersede the pair", () => {
  const pipeline = chain("m1", "m2", "m3");
  const answers: Record<string, CandidateAnswer> = { "m1@2:m2:1": usable(2) };
  const newest = { m1: 2, m2: 9, m3: 1 };
  const pair = { m1: 2, m2: 2 };
  const held = [m1Held, { moves: pair, needs: ["m3"] }, { moves: { m2: 2 }, needs: ["m3"] }];
  const worse: Composition[] = [pair];
  const { open, log } = settled({ pipeline, answers, newest, held, worse });
  expect(log).toEqual(["requested m2@2:m3:1"]);
  expect(open[0]).toMatchObject({ candidate: { component: "m2", serial: 2 }, upstream: pair });
  for (const attempt of [1, 2, 3]) {
    answers[`m2@2:m3:${attempt}`] = usable(attempt + 1);
    worse.push({ ...pair, m3: attempt + 1 });
  }
  // The pair is closed, and m2 is retrained once more.
  expect(closedCandidates(input({ pipeline, answers, newest, held, worse }))).toEqual([pair]);
  expect(settled({ pipeline, answers, newest, held, worse }).log).toEqual(["requested m1@2:m2:2"]);
});

test("two candidates do not wait for each other", () => {
  const pipeline = graph({ m0: [], m1: [], m2: ["m0", "m1"] });
  const held = [m1Held, { moves: { m0: 2 }, needs: ["m2"] }];
  const { open } = settled({ pipeline, held, release: { m0: 1, m1: 1, m2: 1 } });
  expect(open.map(({ id, upstream }) => [id, upstream])).toEqual([
    ["m1@2:m2:1", { m0: 1, m1: 2 }],
    ["m0@2:m2:1", { m0: 2, m1: 1 }],
  ]);
});

test("whatever consumers answer and gates measure, a candidate has one request a consumer at a time, three attempts, and an end", () => {
  const pipeline = graph({ m0: [], m1: ["m0"], m2: ["m1"], m3: ["m1", "m2"], m4: ["m2"] });
  const held = [{ moves: { m1: 2 }, needs: ["m2", "m3"] }];
  const outcome = fc.record({ state: fc.constantFrom("usable", "unusable", "unjudged"), isWorse: fc.boolean() });
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 20, maxLength: 20 }), (outcomes) => {
      const answers: Record<string, CandidateAnswer> = {};
      const worse: Composition[] = [];
      const release = { m0: 1, m1: 1, m2: 1, m3: 1, m4: 1 };
      let requests: readonly CandidateRun[] = [];
      for (const [turn, { state, isWorse }] of outcomes.entries()) {
        const world = { pipeline, held, release, answers, worse };
        requests = settled({ ...world, requests }).open;
        const asked = requests.filter(({ id }) => answers[id] === undefined);
        expect(new Set(asked.map(({ consumer }) => consumer)).size).toBe(asked.length);
        expect(requests.every(({ attempt }) => attempt >= 1 && attempt <= 3)).toBe(true);
        for (const { consumer, upstream } of asked) expect(upstream.m1, consumer).toBe(2);
        const [next] = asked;
        const waiting = Object.entries(answers).find(([, answer]) => answer.state === "unjudged");
        const [set] = retrainedSets(input(world));
        if (next !== undefined) answers[next.id] = { serial: turn + 2, state };
        else if (waiting !== undefined) answers[waiting[0]] = { ...waiting[1], state: "usable" };
        else if (set !== undefined && isWorse) worse.push(set);
        else if (set !== undefined) return;
        else {
          // Nothing is left to do: everything was worse, or there was nothing to measure.
          expect(closedCandidates(input(world))).toEqual(worse.length > 0 ? [{ m1: 2 }] : []);
          return;
        }
      }
      expect.unreachable("20 turns are more than three attempts take");
    }),
  );
});
