import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli } from "../../helpers/cli.ts";
import { PIPELINE } from "../../helpers/wrong-commands/fixtures.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-validate-"));
});
afterAll(() => rm(dir, { recursive: true }));

test.each([
  ["the only sink", "", "objective m2"],
  ["a component", "objective: m1\n", "objective m1"],
  ["a weighted sum", "objective: { m2: 1, m1: 0.2 }\n", "objective 0.2 x m1 + 1 x m2"],
])("a valid pipeline file is summed up with its objective: %s", async (_, objective, said) => {
  await writeFile(join(dir, "pipeline.yaml"), `${PIPELINE}${objective}`);
  const { code, stdout } = await cli(["validate", "pipeline.yaml"], { cwd: dir });
  expect(code).toBe(0);
  expect(stdout.trimEnd().endsWith(said)).toBe(true);
});
