import { expect, test } from "vitest";
import { studyPage } from "../../../../services/cli/report/study-page.ts";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { studyText } from "../../../../services/cli/text/study-text.ts";
import type { Trial, TrialState } from "../../../../services/pipeline/study.ts";
import { tunedStudy } from "../../../helpers/report-record.ts";

const [first] = tunedStudy().trials;

function trialWith(trial: number, state: TrialState, value: number | null): Trial {
  return { ...(first as Trial), trial, state, value };
}

const study = tunedStudy({
  trials: [
    trialWith(1, "failed", null),
    trialWith(2, "complete", 0.59432),
    trialWith(3, "pruned", 0.1),
    trialWith(4, "stopped", 0.59391),
    trialWith(5, "running", null),
  ],
});

test("a study lists the best trial first, whether it was complete or stopped early, and failed ones last", async () => {
  const lines = studyText(study, createStyle(false), 120).split("\n");
  expect(lines.slice(2, 7).map((line) => line.trim().split(/ +/).slice(0, 3))).toEqual([
    ["4", "stopped", "0.5939"],
    ["2", "complete", "0.5943"],
    ["3", "pruned", "0.1000"],
    ["5", "running", "-"],
    ["1", "failed", "-"],
  ]);
  expect(lines.at(-1)).toMatch(/^best: trial 4, loss 0\.5939, /);
  const page = await studyPage(study, "footer");
  expect(Array.from(page.matchAll(/<td class="number">(\d)<\/td><td>/g), ([, trial]) => trial)).toEqual([
    "4",
    "2",
    "3",
    "5",
    "1",
  ]);
});
