import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RowsPlace, readScreenRows, readTrainingRows } from "../../../../services/cli/connect/tested-rows.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { readPipelineFile } from "../../../../services/data/read-pipeline.ts";
import type { HeldOutRows } from "../../../../services/data/source/data-source.ts";
import { loadHeldOut } from "../../../../services/evaluator/load-held-out.ts";
import { generation } from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-tested-rows-"));
  const rows = Array.from({ length: 1200 }, (_, at) => {
    const day = new Date(Date.UTC(2026, 0, 1 + Math.floor(at / 40))).toISOString();
    return `k${at},u${at % 600},${["new", "old"][at % 2]},${day},${at % 7},${at % 5},${at % 3},${at % 2}`;
  });
  await writeFile(join(dir, "rows.csv"), `id,user,segment,at,a,b,z,y\n${rows.join("\n")}\n`);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** u reads a, d reads b and u's output; w, beside them, reads what neither team may see. */
async function placeOf(split: string, view = ""): Promise<RowsPlace> {
  const path = join(dir, "pipeline.yaml");
  const scalar = (name: string) => `output: { name: ${name}, width: 1, meaning: scalar }`;
  await writeFile(
    path,
    `pipeline: demo
data: { source: file, path: rows.csv, key: id, group: user }
${split}
slices: [segment]
components:
  u: { columns: [a], ${scalar("p")}, target: z }
  d: { columns: [b], upstream: [u], ${scalar("q")}, target: y${view} }
objective: d
tests:
  - { slice: { segment: new }, loss_at_most: 1, component: d }
  - { slice: { segment: old }, loss_at_most: 1, component: u }
`,
  );
  const parsed = await readPipelineFile(path);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return { parsed, path, access: { env: {}, clock: systemClock, warn: () => {} }, generation: undefined };
}

const keysOf = (labels: HeldOutRows["labels"]) => labels.id?.dictionary ?? [];

test("training rows are none that is held out, and screen rows those of the gate in force", async () => {
  const place = await placeOf("split: { held_out: 50 % }\ngate: { split: [0.6, 0.2, 0.2] }");
  const { sample } = await readTrainingRows(place, "d");
  // Not z, the target of another team.
  expect(Object.keys(sample.table.columns).sort()).toEqual(["a", "b", "y"]);
  expect(Object.keys(sample.labels).sort()).toEqual(["id", "segment", "user"]);
  expect(sample.groupings).toHaveLength(1);

  const heldOut = await loadHeldOut(place.parsed, place.path, silentLog, place.access);
  const inForce = generation(1, { fingerprint: heldOut.fingerprint, split: [0.3, 0.4, 0.3] });
  const screen = (await readScreenRows({ ...place, generation: inForce }, silentLog)).sample;
  const training = new Set(keysOf(sample.labels));
  expect(training.size + heldOut.table.rows).toBe(1200);
  expect(keysOf(heldOut.labels).filter((key) => training.has(key))).toEqual([]);
  expect(keysOf(heldOut.labels)).toEqual(expect.arrayContaining([...keysOf(screen.labels)]));
  expect(screen.table.rows / heldOut.table.rows).toBeCloseTo(0.3, 1);
});

test("training rows leave out what a generation of held-out rows has held out since a time", async () => {
  const place = await placeOf("split: { by: time, column: at, held_out: 5d }");
  const held = generation(1, { heldOutAfter: "2026-01-11T00:00:00.000Z" });
  const { sample } = await readTrainingRows({ ...place, generation: held }, "u");
  // Forty rows a day.
  expect(sample.table.rows).toBeGreaterThan(300);
  expect(Math.max(...keysOf(sample.labels).map((key) => Number(key.slice(1))))).toBeLessThanOrEqual(440);
});

test("a trainer's own place need not have the columns of slices", async () => {
  await writeFile(join(dir, "d.csv"), "id,user,a,b,y\nk1,u1,1,2,3\nk2,u2,1,2,3\n");
  const { sample } = await readTrainingRows(await placeOf("split: { held_out: 50 % }", ", data: { path: d.csv }"), "d");
  expect(Object.keys(sample.labels).sort()).toEqual(["id", "user"]);
});
