import { expect, test } from "vitest";
import { createNearDuplicates } from "../../../../services/data/file/near-duplicates.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import { distanceOf } from "../../../helpers/sample-oracle.ts";

const random = createRandom(1, "near");
const whole = (below: number) => Math.floor(random.uniform() * below);

const unitsOf = (texts: readonly string[]) => texts.reduce((sum, { length }) => sum + length, 0);

/** Those that are kept when each is compared with all that were kept before. */
function keptByDefinition<V extends string | number>(values: readonly V[], distance: number): readonly V[] {
  const kept: V[] = [];
  for (const value of values) if (kept.every((other) => distanceOf(value, other) > distance)) kept.push(value);
  return kept;
}

test.each([0, 1, 2, 3, 5, 2.5])("texts at a distance of at most %d are all found", (distance) => {
  for (const letters of ["ab", "abcdefgh"]) {
    for (const longest of [4, 9, 24]) {
      const texts = Array.from({ length: 90 }, () => {
        const length = whole(longest + 1);
        return Array.from({ length }, () => letters[whole(letters.length)]).join("");
      });
      // Texts that differ by a few edits from another one.
      const edited = texts.map((text) => {
        const at = whole(text.length + 1);
        return `${text.slice(0, at)}${letters[whole(letters.length)]}${text.slice(at + whole(3))}`;
      });
      const all = [...texts, ...edited];
      const near = createNearDuplicates(all.length, [{ units: unitsOf(all) }], distance);
      expect(all.filter((text) => near.keep([text]))).toEqual(keptByDefinition(all, distance));
    }
  }
});

test.each([0, 0.1, 0.25, 1, 3])("numbers at a distance of at most %d are all found", (distance) => {
  for (const scale of [1, 1000]) {
    // Multiples of a quarter hit the boundaries between blocks.
    const values = Array.from({ length: 300 }, (_, i) =>
      i % 2 === 0 ? whole(8 * scale) / 4 - scale : (random.uniform() - 0.5) * scale,
    );
    const near = createNearDuplicates(values.length, [{ units: undefined }], distance);
    expect(values.filter((value) => near.keep([value]))).toEqual(keptByDefinition(values, distance));
  }
});

test("what differs much is hardly compared", () => {
  const texts = Array.from({ length: 2000 }, () =>
    Array.from({ length: 30 }, () => "abcdefghijkl"[whole(12)]).join(""),
  );
  const near = createNearDuplicates(texts.length, [{ units: unitsOf(texts) }], 2);
  for (const text of texts) near.keep([text]);
  expect(near.comparisons()).toBeLessThan(100);
});
