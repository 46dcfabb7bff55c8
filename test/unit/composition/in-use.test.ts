import { describe, expect, test } from "vitest";
import { baseline, inUse, releasedBaseline } from "../../../services/composition/in-use.ts";
import { createSnapshotHistory } from "../../../services/composition/snapshot-history.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { release, verdict } from "../../helpers/drafts.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

const idOf = (name: string) => {
  const [component = "", serial] = name.split("@");
  return { component, serial: Number(serial) };
};

/** Names in the order of announcement; positions are 10, 20, 30 ... */
function historyOf(names: readonly string[], quarantined: readonly string[] = [], judged: readonly string[] = names) {
  const history = createSnapshotHistory();
  const judge = (name: string) => history.judged(verdict(idOf(name).component, idOf(name).serial));
  // The logs are followed side by side, so half of the verdicts and quarantines come before their announcements.
  const early = (_: string, index: number) => index % 2 === 0;
  const late = (_: string, index: number) => index % 2 === 1;
  judged.filter(early).forEach(judge);
  for (const name of quarantined.filter(early)) history.quarantined(idOf(name));
  for (const [index, name] of names.entries()) history.announced(idOf(name), (index + 1) * 10);
  judged.filter(late).forEach(judge);
  for (const name of quarantined.filter(late)) history.quarantined(idOf(name));
  return history;
}
const now = Number.POSITIVE_INFINITY;
const names = ["u@1", "d@1", "u@2", "d@2", "u@3"];
const { components } = twoComponents;

test.each([
  ["the newest of each", names, [], {}, now, { u: 3, d: 2 }],
  ["what was announced before the candidate", names, [], {}, 50, { u: 2, d: 2 }],
  ["nothing that came with or after the candidate", names, [], {}, 20, { u: 1 }],
  ["the champion, where one is set", names, [], { u: 1 }, now, { u: 1, d: 2 }],
  ["not a champion that came after the candidate", names, [], { u: 3 }, 50, { u: 2, d: 2 }],
  ["not a champion that does not exist", names, [], { u: 9 }, now, { u: 3, d: 2 }],
  ["nothing quarantined", names, ["u@3", "u@2"], {}, now, { u: 1, d: 2 }],
  ["not a quarantined champion", names, ["u@1"], { u: 1 }, now, { u: 3, d: 2 }],
  ["nothing of a component that has only quarantined ones", names, ["d@1", "d@2"], {}, now, { u: 3 }],
  ["nothing before anything was announced", [], [], {}, now, {}],
  ["the newest readable one, where a serial cannot be read", ["u@1", "u@3", "d@1"], [], {}, now, { u: 3, d: 1 }],
] as const)(
  "the baseline of a candidate is %s, judged or not",
  (_, announced, quarantined, champions, before, expected) => {
    for (const judged of [announced, []]) {
      const history = historyOf(announced, quarantined, judged);
      expect(baseline(components, history, { release: undefined, champions }, before)).toEqual(expected);
    }
  },
);

test.each([
  ["the newest judged ones", ["u@1", "u@2", "d@1"], [], {}, { u: 2, d: 1 }],
  ["nothing of a component without a verdict", ["u@1"], [], {}, { u: 1 }],
  ["the champion, if it is judged", ["u@1", "u@3"], [], { u: 1 }, { u: 1 }],
  ["the newest judged one while the champion is not judged", ["u@1"], [], { u: 3 }, { u: 1 }],
  ["nothing quarantined, although it was judged before", ["u@1", "u@2"], ["u@2"], {}, { u: 1 }],
] as const)("in use is %s", (_, judged, quarantined, champions, expected) => {
  expect(inUse(twoComponents, historyOf(names, quarantined, judged), { release: undefined, champions })).toEqual(
    expected,
  );
});

describe("from the first release on", () => {
  const enforced = { ...twoComponents, gate: { ...DEFAULT_GATE, mode: "enforce" as const } };
  const champions = { u: 3, d: 1 };
  const inForce = (composition: Composition, pinned: readonly string[] = []) => ({
    release: release(4, { composition, pinned }),
    champions,
  });

  test.each([
    ["what the newest release says, judged or not", [], { u: 1, d: 1 }, { u: 1, d: 1 }],
    ["nothing of a component that it lacks", [], { u: 3 }, { u: 3 }],
    ["nothing quarantined", ["u@2"], { u: 2, d: 1 }, { d: 1 }],
    ["nothing of components that the pipeline lacks, or that was never announced", [], { u: 1, d: 7, w: 1 }, { u: 1 }],
  ] as const)("in use is %s", (_, quarantined, composition, expected) => {
    for (const pipeline of [twoComponents, enforced]) {
      expect(inUse(pipeline, historyOf(names, quarantined, []), inForce(composition))).toEqual(expected);
    }
  });

  test("under a gate that enforces, nothing is in use before it", () => {
    expect(inUse(enforced, historyOf(names), { release: undefined, champions })).toEqual({});
  });

  test("without a gate, the baseline has the pinned ones, and not the champions of before", () => {
    const history = historyOf(names);
    expect(baseline(twoComponents.components, history, inForce({ u: 1, d: 1 }, ["u"]), now)).toEqual({ u: 1, d: 2 });
    expect(baseline(twoComponents.components, history, inForce({ u: 1, d: 1 }), now)).toEqual({ u: 3, d: 2 });
  });

  test.each([
    ["the release", ["u@2"], "u@3", { u: 1, d: 1 }, { u: 1, d: 1 }],
    ["the release, although a snapshot of it was announced later", [], "d@2", { u: 3, d: 1 }, { u: 3, d: 1 }],
    ["what was announced before, where it lacks a component", [], "u@3", { u: 2 }, { u: 2, d: 2 }],
    ["what was announced before, where it has a quarantined one", ["d@1"], "u@3", { u: 1, d: 1 }, { u: 1, d: 2 }],
    ["never the candidate itself", [], "u@2", { u: 2, d: 1 }, { u: 1, d: 1 }],
  ] as const)("under a gate that enforces, the baseline is %s", (_, quarantined, candidate, composition, expected) => {
    const history = historyOf(names, quarantined, []);
    const position = (names.indexOf(candidate) + 1) * 10;
    const { components } = twoComponents;
    expect(releasedBaseline(components, history, inForce(composition), { ...idOf(candidate), position })).toEqual(
      expected,
    );
  });
});

describe("the history", () => {
  test("names the first announcement that is neither judged nor quarantined", () => {
    const history = historyOf(names, ["u@2"], ["u@1", "d@2"]);
    expect(history.firstUnsettled(now)).toMatchObject({ component: "d", serial: 1 });
    expect(history.firstUnsettled(20)).toBeUndefined();
    history.quarantined(idOf("d@1"));
    expect(history.firstUnsettled(now)).toMatchObject({ component: "u", serial: 3 });
    expect(history.firstUnsettled(50)).toBeUndefined();
  });

  test("gives the newest few before a position, ascending", () => {
    const history = historyOf(names, ["u@2"]);
    expect(history.sound("u").newest(8, now)).toEqual([1, 3]);
    expect(history.sound("u").newest(1, now)).toEqual([3]);
    expect(history.sound("u").newest(8, 50)).toEqual([1]);
    expect(history.sound("nobody").newest(8, now)).toEqual([]);
  });

  test("knows which snapshots a comparison has used", () => {
    const history = createSnapshotHistory();
    const compared = { current: { u: 1, d: 1 }, candidate: { u: 2, d: 1 } };
    const comparison = {
      ...compared,
      ...{ currentLoss: 1, candidateLoss: 1, difference: 0, interval: [0, 0] as const, kind: "inconclusive" as const },
    };
    history.judged(verdict("u", 2, { comparison }));
    expect(["u@1", "u@2", "d@1", "u@3"].map((name) => history.isProven(idOf(name)))).toEqual([true, true, true, false]);
  });
});
