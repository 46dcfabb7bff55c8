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

test("a file that is there gives its text", async () => {
  await writeFile(path("team.yaml"), "component: é\n");
  expect(await requireTextFile("team file", path("team.yaml"))).toBe("component: é\n");
});

test("one that is not there is not found", async () => {
  const none = path("none.yaml");
  const message = `there is no pipeline file ${none}`;
  await expect(requireTextFile("pipeline file", none)).rejects.toMatchObject({ code: "not-found", message });
});

test.each([
  ["a folder", () => folder, "cannot be read: it is a folder"],
  ["one that is far too large", () => path("huge.yaml"), "has more than 1048576 bytes, which no such file has"],
  ["a device without an end", () => "/dev/zero", "has more than 1048576 bytes, which no such file has"],
  ["one in another encoding", () => path("latin.yaml"), "is not a text file in UTF-8"],
])("%s is refused", async (_what, file, why) => {
  await writeFile(path("huge.yaml"), "#".repeat(2_000_000));
  await writeFile(path("latin.yaml"), Buffer.from([0x61, 0xe9, 0x0a]));
  const message = `team file ${file()} ${why}`;
  await expect(requireTextFile("team file", file())).rejects.toMatchObject({ code: "invalid-argument", message });
});
