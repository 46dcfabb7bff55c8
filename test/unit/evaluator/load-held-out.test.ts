import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHeldOut } from "../../../services/evaluator/load-held-out.ts";
import { rowStructure } from "../../../services/evaluator/row-structure.ts";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { recordingLog } from "../../helpers/log.ts";

const FILE = `pipeline: shop
data: { source: file, path: rows.csv, group: [user, item], test_fraction: 0.5 }
components:
  m1: { columns: [x], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
slices: [device]
`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-held-out-"));
  // Users have ids that are no exact numbers in 32 bits.
  const rows = Array.from(
    { length: 2000 },
    (_, i) => `${100_000_001 + (i % 80)},i${i % 7},${["tv", "web"][i % 2]},${i},${i}`,
  );
  await writeFile(join(dir, "rows.csv"), `user,item,device,x,y\n${rows.join("\n")}\n`);
});
afterAll(() => rm(dir, { recursive: true }));

test("the held-out rows come with the groups and slices that the pipeline file declares", async () => {
  const parsed = parsePipelineFile(FILE, "p.yaml");
  if ("problems" in parsed) throw new Error("the file has problems");
  const { table, labels } = await loadHeldOut(parsed, join(dir, "p.yaml"), recordingLog().log);
  const { groupings, slices } = rowStructure(parsed.pipeline, table.rows, labels);
  const [users, items] = groupings;
  expect(items?.count).toBe(7);
  // Each of the 80 users has 25 rows, on one side of the split.
  expect(table.rows).toBe(25 * (users?.count ?? 0));
  const ids = (table.columns.x as { values: Float32Array }).values;
  const sameUser = (a: number, b: number) => users?.codes[a] === users?.codes[b];
  for (let row = 1; row < 200; row++) {
    expect(sameUser(0, row)).toBe((ids[0] as number) % 80 === (ids[row] as number) % 80);
  }
  expect(slices.map(({ column, values }) => [column, [...values].sort()])).toEqual([["device", ["tv", "web"]]]);
});

test("the fingerprint changes with the rows that are judged, not with their order, slices or a component beside", async () => {
  const lines = Array.from({ length: 200 }, (_, i) => `u${i},i${i % 7},${["tv", "web"][i % 2]},${i},${i},${i % 5}`);
  const fingerprint = async (file: string, rows: readonly string[]) => {
    const folder = await mkdtemp(join(dir, "rows-"));
    await writeFile(join(folder, "rows.csv"), `user,item,device,x,y,w\n${rows.join("\n")}\n`);
    const parsed = parsePipelineFile(file, "p.yaml");
    if ("problems" in parsed) throw new Error("the file has problems");
    return (await loadHeldOut(parsed, join(folder, "p.yaml"), recordingLog().log)).fingerprint;
  };
  const expected = await fingerprint(FILE, lines);
  expect(await fingerprint(FILE, [...lines].reverse())).toBe(expected);
  expect(await fingerprint(FILE.replace("slices: [device]\n", ""), lines)).toBe(expected);
  const beside =
    "  m2: { columns: [x], output: { name: v, width: 1, meaning: scalar }, target: w, loss: mse }\nobjective: m1\n";
  expect(await fingerprint(FILE.replace("slices:", `${beside}slices:`), lines)).toBe(expected);
  const others = [
    [...lines, ...lines.map((line) => line.replace("u", "v"))],
    lines.map((line) => line.replace(/,0$/, ",0").replace(/^(u\d+),i\d/, "$1,i9")),
    lines.map((line, i) => line.replace(`,${i},${i},`, `,${i},${i + 1},`)),
  ];
  for (const rows of others) expect(await fingerprint(FILE, rows)).not.toBe(expected);
});
