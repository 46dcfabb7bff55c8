/**
 * The calibration tables of docs/statistics.md and their picture, as out/calibration.svg: `npm run calibrate:verdicts`,
 * or `npm run calibrate:verdicts -- 1000` for that many rows only. Takes about four minutes. `npm run test:slow` checks the same numbers against the goals.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { barChart } from "../../services/report/bar-chart.ts";
import {
  CALIBRATION_HEAD,
  type Calibration,
  calibrate,
  calibrateFamily,
  calibrationLine,
  FAMILY_HEAD,
  FAMILY_KINDS,
  FAMILY_ROWS,
  familyLine,
  TRIALS,
} from "../helpers/calibration.ts";
import { ROW_KINDS } from "../helpers/loss-rows.ts";

/** The kinds of rows in the picture, with short names. */
const PICTURED: Readonly<Record<string, string>> = {
  "independent, normal": "independent",
  "groups, ICC 0.1": "ICC 0.1",
  "groups that dominate": "ICC 0.9",
  "groups of unequal size": "unequal groups",
  "crossed, effects as large as the noise": "crossed",
  "skewed: exponential": "skewed",
  "rare harm: 2 % of rows 50 times worse": "rare harm",
};

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : Object.keys(TRIALS).map(Number);
const found: Calibration[] = [];
console.log(CALIBRATION_HEAD.join("\n"));
for (const kind of ROW_KINDS) {
  for (const rows of sizes) {
    const calibration = await calibrate(kind, rows, TRIALS[rows] as number);
    console.log(calibrationLine(calibration));
    found.push(calibration);
  }
}
if (sizes.includes(FAMILY_ROWS)) {
  console.log(["", ...FAMILY_HEAD].join("\n"));
  for (const kind of FAMILY_KINDS) console.log(familyLine(await calibrateFamily(kind)));
}
if (sizes.includes(1000)) await drawPicture(found.filter(({ rows }) => rows === 1000));

async function drawPicture(calibrations: readonly Calibration[]): Promise<void> {
  const chart = await barChart({
    label: "False verdicts on 1,000 rows without a difference, in percent, by the usual interval and by verdicts",
    groupTitle: "1,000 rows without a difference; 5 % is promised",
    yTitle: "false verdicts in %",
    bars: calibrations.flatMap(({ kind, usual, improved, degraded }) => {
      const group = PICTURED[kind.name];
      if (group === undefined) return [];
      return [
        { group, series: "usual interval of rows", value: 100 * usual },
        { group, series: "verdicts", value: 100 * (improved + degraded) },
      ];
    }),
  });
  // A file of its own has no page whose colors it could take.
  const svg = chart.markup
    .replaceAll("var(--ink)", "#1f2328")
    .replaceAll("var(--faint)", "#59636e")
    .replaceAll("var(--line)", "#d1d9e0");
  await mkdir("out", { recursive: true });
  await writeFile("out/calibration.svg", svg.replace("<svg ", '<svg style="background:#fff" '));
}
