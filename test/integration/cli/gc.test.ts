import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import type { SnapshotManifest } from "../../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { cli } from "../../helpers/cli.ts";
import { draft, model, verdict } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

const pipeline = "gc-cli";
let server: TestNats;
let backplane: JetStreamBackplane;
let dir: string;
const run = (...args: readonly string[]) =>
  cli([...args, "--nats", server.url, "--pipeline", pipeline], { cwd: dir, env: { USER: "ada" } });

beforeAll(async () => {
  server = await startTestNats();
  dir = await mkdtemp(join(tmpdir(), "uncouple-gc-"));
  const text = (name: string, retention: string) => `pipeline: ${name}
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
${retention}`;
  await writeFile(join(dir, "pipeline.yaml"), text(pipeline, "retention: { keep: 2, champions: 1 }\n"));
  await writeFile(join(dir, "without.yaml"), text(pipeline, ""));
  await writeFile(join(dir, "other.yaml"), text("other", "retention: { keep: 2 }\n"));
  await writeFile(join(dir, "wrong.yaml"), text(pipeline, "retention: { keep: 0, champion: 3 }\n"));
  backplane = await connectJetStream({ clock: systemClock, url: server.url, pipeline, name: "test" });
  for (let serial = 1; serial <= 5; serial++) {
    await backplane.registry.publish(draft({ pipeline, runId: `run-${serial}` }), model(serial, 1000), "any");
    await backplane.verdicts.append(verdict("m1", serial, { pipeline }));
  }
  await backplane.registry.setAlias("m1", "audited", 2, null, "test");
});
afterAll(async () => {
  await backplane.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

test("gc needs a number, from the flag or from the file, and names the key", async () => {
  expect(await run("gc")).toMatchObject({ code: 2, stderr: expect.stringContaining("add `retention: { keep: N }`") });
  expect(await run("gc", "--pipeline-file", "without.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("without.yaml has no key `retention`"),
  });
  expect(await run("gc", "--pipeline-file", "other.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the pipeline file is of other, not of gc-cli"),
  });
  expect(await run("gc", "--keep", "0")).toMatchObject({ code: 2 });
});

test("validate checks the retention of a pipeline file", async () => {
  expect(await cli(["validate", "pipeline.yaml"], { cwd: dir })).toMatchObject({ code: 0 });
  const { code, stdout } = await cli(["validate", "wrong.yaml"], { cwd: dir });
  expect(code).toBe(2);
  expect(stdout).toContain("retention.keep: must be at least 1, not 0");
  expect(stdout).toContain('retention.champion: unknown key; available: keep, champions; did you mean "champions"?');
});

test("gc lists what it would delete, deletes it, and every command says so afterwards", async () => {
  const would = JSON.parse((await run("gc", "--pipeline-file", "pipeline.yaml", "--dry-run", "--json")).stdout);
  expect(would).toEqual({
    dryRun: true,
    policy: { keep: 2, champions: 1 },
    deleted: [
      { component: "m1", serial: 3, size: 1000 },
      { component: "m1", serial: 1, size: 1000 },
    ],
    kept: 3,
    completed: [],
    compacted: [{ log: "verdicts", removed: 2, kept: 3 }],
  });
  expect(await backplane.retention.tombstones()).toEqual([]);

  const done = await run("gc", "--pipeline-file", "pipeline.yaml");
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect(done.stdout).toMatch(/m1@3 +1\.0\nm1@1 +1\.0\n/);
  expect(done.stdout).toContain("deleted 2 models, 0.0 MB; 3 stay (keep 2, champions 1)");
  expect(done.stdout).toContain("removed 2 of 5 entries of the log of verdicts");
  expect((await backplane.verdicts.list()).map(({ serial }) => serial)).toEqual([2, 4, 5]);
  const again = await run("gc", "--keep", "2");
  expect(again.stdout).toContain("deleted 0 models");
  expect(again.stdout).not.toContain("removed");

  const gone = /m1@3 was deleted on \S+ by policy \(keep 2\)/;
  const exported = await run("export", "m1@3", "m1.onnx");
  expect(exported).toMatchObject({ code: 11, stderr: expect.stringMatching(gone) });
  expect(await run("export", "m1@2", "m1.onnx")).toMatchObject({ code: 0 });
  expect(await run("alias", "m1", "champion", "3")).toMatchObject({ code: 11, stderr: expect.stringMatching(gone) });
  const shown = await run("show", "m1@3");
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(gone) });
  expect(shown.stdout).toContain("by ada (uncouple gc)");
  expect(shown.stdout).toContain("its verdict is no longer kept");
  const rows = JSON.parse((await run("snapshots", "--json")).stdout) as { deleted: { serial: number } | null }[];
  expect(rows.map(({ deleted }) => deleted?.serial ?? null)).toEqual([1, null, 3, null, null]);
  const table = (await run("snapshots")).stdout;
  expect(table.match(/deleted/g)).toHaveLength(3);
  expect(table).toContain("2 models were deleted by policy; uncouple show tells when");
});

test("gc keeps a model that another pipeline refers to, and deletes it after the reference is released", async () => {
  const connect = (name: string) =>
    connectJetStream({ clock: systemClock, url: server.url, pipeline: name, name: "test" });
  const [lender, borrower] = [await connect("lender"), await connect("borrower")];
  const published: SnapshotManifest[] = [];
  for (let serial = 1; serial <= 3; serial++) {
    published.push(await lender.registry.publish(draft({ pipeline: "lender" }), model(serial, 1000), "any"));
    await lender.verdicts.append(verdict("m1", serial, { pipeline: "lender" }));
  }
  const { retention } = await borrower.neighbor("lender");
  await retention.refer({ component: "m1", serial: 1, by: "borrower", holder: "borrower/click lender/m1@1" });
  const origin = { pipeline: "lender", component: "m1", serial: 1 };
  const linked = draft({ pipeline: "borrower", component: "click", provenance: { origin } });
  const link = await borrower.registry.link(linked, published[0] as SnapshotManifest, null);
  const collect = async () => {
    const done = await cli(["gc", "--keep", "1", "--json", "--nats", server.url, "--pipeline", "lender"]);
    return (JSON.parse(done.stdout).deleted as { serial: number }[]).map(({ serial }) => serial);
  };
  expect(await collect()).toEqual([2]);
  expect(Buffer.compare(await borrower.registry.bytes(link), model(1, 1000))).toBe(0);
  await retention.release("borrower/click lender/m1@1");
  expect(await collect()).toEqual([1]);
  await borrower.close();
  await lender.close();
});

test("commands work where no service of this version has created the log of tombstones, and delete nothing", async () => {
  const raw = await connectRaw(server.url);
  const old = await connectJetStream({ clock: systemClock, url: server.url, pipeline: "old", name: "test" });
  for (let serial = 1; serial <= 2; serial++) {
    await old.registry.publish(draft({ pipeline: "old" }), model(serial), "any");
    await old.verdicts.append(verdict("m1", serial, { pipeline: "old" }));
  }
  await old.close();
  await raw.jsm.streams.delete("uncouple-old-tombstones");
  const at = ["--nats", server.url, "--pipeline", "old"];
  expect(await cli(["alias", "m1", "champion", "2", ...at])).toMatchObject({ code: 0 });
  expect(await cli(["snapshots", ...at])).toMatchObject({ code: 0 });
  expect(await cli(["gc", "--keep", "1", "--dry-run", ...at])).toMatchObject({ code: 0 });
  expect(await cli(["gc", "--keep", "1", ...at])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("upgrade its evaluators and trainers before you delete anything"),
  });
  await raw.close();
});
