import { describe, expect, test } from "vitest";
import { searchSets } from "../../../../services/releases/sets/search-sets.ts";
import { lossesOf, plantWorld, SHAPES, screenOf, shapedPipeline } from "../../../helpers/planted-worlds.ts";

const SNAPSHOTS = 4;
const COMPOSITIONS = SNAPSHOTS ** 6;
const SEEDS = 25;

describe.each(Object.entries(SHAPES))("six components with four snapshots each: %s", (_, reads) => {
  test("the climb finds the best of all sets, and measures less than 15 % of them", async () => {
    const pipeline = shapedPipeline(reads);
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = plantWorld(pipeline, SNAPSHOTS, seed);
      const search = (budget: number) =>
        searchSets({
          pipeline,
          screen: screenOf(lossesOf(world)).screen,
          release: world.release,
          movable: (name) => world.serials(name).filter((serial) => serial !== world.release[name]),
          trainedOn: world.trainedOn,
          margin: 0,
          budget,
          signal: new AbortController().signal,
        });
      const climbed = await search(0.15 * COMPOSITIONS);
      const enumerated = await search(20_000);
      expect(enumerated).toMatchObject({ isExhaustive: true, measured: COMPOSITIONS });
      expect(climbed).toEqual({ ...enumerated, isExhaustive: false, measured: climbed?.measured });
      expect(climbed?.measured).toBeLessThan(0.15 * COMPOSITIONS);
    }
  });
});
