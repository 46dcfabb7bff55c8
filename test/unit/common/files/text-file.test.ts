import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireTextFile } from "../../../../services/common/files/text-file.ts";

let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "text-file-test-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("returns the text of an existing file", async () => {
  await writeFile(path("team.yaml"), "component: é\n");
  expect(await requireTextFile("team file", path("team.yaml"))).toBe("component: é\n");
});

test("reports a missing file as not found", async () => {
  const none = path("none.yaml");
  const message = `pipeline file ${none} not found`;
  await expect(requireTextFile("pipeline file", none)).rejects.toMatchObject({ code: "not-found", message });
});

test.each([
  ["a folder", () => folder, "cannot be read: it is a folder"],
  ["an oversized file", () => path("huge.yaml"), "exceeds the limit of 1048576 bytes"],
  ["an endless device", () => "/dev/zero", "exceeds the limit of 1048576 bytes"],
  ["a file that is not UTF-8", () => path("latin.yaml"), "is not a UTF-8 text file"],
])("refuses %s", async (_what, file, why) => {
  await writeFile(path("huge.yaml"), "#".repeat(2_000_000));
  await writeFile(path("latin.yaml"), Buffer.from([0x61, 0xe9, 0x0a]));
  const message = `team file ${file()} ${why}`;
  await expect(requireTextFile("team file", file())).rejects.toMatchObject({ code: "invalid-argument", message });
});
