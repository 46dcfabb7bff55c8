import { expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import {
  creepingUpdates,
  ENFORCE,
  mapParts,
  neutralPromotions,
  type Parts,
  runPlanted,
} from "../../../helpers/gates/planted-updates.ts";

/** Squared errors, mean 1, of which `npm run test:gates` has real ones. */
function squaredErrors(rows: number, stream: string): Float64Array {
  const random = createRandom(1, stream);
  return Float64Array.from({ length: rows }, () => random.gaussian() ** 2);
}

const partsOf = (stream: string, screen = 500, confirm = 300): Parts => ({
  screen: squaredErrors(screen, `screen/${stream}`),
  confirm: squaredErrors(confirm, `confirm/${stream}`),
});

const first = partsOf("first");
/** What 200 updates change, up to signs. */
const updates = Array.from({ length: 200 }, (_, k) =>
  mapParts(partsOf(`update/${k}`), (losses) => losses.map((loss) => 0.3 * loss)),
);

test("at most one pipeline in twenty promotes any of 200 exactly neutral updates", async () => {
  let [wrong, questions] = [0, 0];
  const runs = 20;
  for (let run = 0; run < runs; run++) {
    const found = await neutralPromotions(ENFORCE, first, updates, run);
    if (found.promotions.length > 0) wrong += 1;
    questions += found.questions;
  }
  expect(wrong).toBeLessThanOrEqual(1);
  // Half of them look better on screen rows, so that the confirm rows are what protects.
  expect(questions / runs).toBeGreaterThan(80);
});

test("at a level that ignores the horizon, most pipelines would promote one", async () => {
  let wrong = 0;
  const runs = 10;
  for (let run = 0; run < runs; run++) {
    // A horizon of 1 is a level of 95 %; every question is the first.
    for (const [k, update] of updates.entries()) {
      const { promotions } = await neutralPromotions({ ...ENFORCE, horizon: 1 }, first, [update], 1000 * run + k);
      if (promotions.length === 0) continue;
      wrong += 1;
      break;
    }
  }
  expect(wrong / runs).toBeGreaterThan(0.5);
});

test("an update that is 5 % better is promoted four times in five", async () => {
  let promoted = 0;
  const draws = 60;
  for (let draw = 0; draw < draws; draw++) {
    const released = partsOf(`planted/${draw}`, 5000, 3000);
    const noise = partsOf(`noise/${draw}`, 5000, 3000);
    const better = (part: "screen" | "confirm") =>
      released[part].map((loss, row) => 0.95 * (0.8 * loss + 0.2 * (noise[part][row] as number)));
    const { promotions } = await runPlanted(ENFORCE, released, 1, () => ({
      screen: better("screen"),
      confirm: better("confirm"),
    }));
    promoted += promotions.length;
  }
  expect(promoted / draws).toBeGreaterThanOrEqual(0.8);
});

test("50 updates that are each worse by 0.9 of the margin do not add up", async () => {
  const released = partsOf("creep", 5000, 3000);
  const noise = mapParts(released, (losses) => losses.map((loss) => 0.002 * loss));
  const { promotions } = await creepingUpdates(released, { step: 0.009, count: 50, noise });
  expect(promotions).toHaveLength(1);
  // Against the current release alone, every one of them passes.
  const unbounded = await creepingUpdates(released, { step: 0.009, count: 50, noise, recent: 1 });
  expect(unbounded.promotions).toHaveLength(50);
});
