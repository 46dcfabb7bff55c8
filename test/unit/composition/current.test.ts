import { expect, test } from "vitest";
import { currentComposition } from "../../../services/composition/current.ts";
import type { Announcement } from "../../../services/registry/registry.ts";
import { manifest } from "../../helpers/drafts.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

/** Names in the order of announcement; positions are 10, 20, 30 ... */
function viewOf(names: readonly string[], quarantined: readonly string[] = []) {
  const announcements = names.map((name, index): Announcement => {
    const [component = "", serial] = name.split("@");
    return { position: (index + 1) * 10, manifest: manifest(Number(serial), { component }) };
  });
  return {
    announcements: (component: string) => announcements.filter(({ manifest }) => manifest.component === component),
    quarantined: (component: string, serial: number) => quarantined.includes(`${component}@${serial}`),
  };
}
const now = Number.POSITIVE_INFINITY;
const names = ["u@1", "d@1", "u@2", "d@2", "u@3"];

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
] as const)("current is %s", (_, announced, quarantined, champions, before, expected) => {
  expect(currentComposition(twoComponents, viewOf(announced, quarantined), champions, before)).toEqual(expected);
});
