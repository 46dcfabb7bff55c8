import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { packageInfo } from "../../../../services/runtime/package-info.ts";
import { cli } from "../../../helpers/cli.ts";

const { version } = packageInfo();
const root = resolve(import.meta.dirname, "../../../..");
const overlay = join(root, "deploy/k8s/overlays/production");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-scaffold-"));
  await cp(join(root, "examples/paper/pipeline.yaml"), join(folder, "pipeline.yaml"));
});
afterEach(() => rm(folder, { recursive: true }));

const scaffold = (...args: string[]) =>
  cli(["scaffold", ...args, "--pipeline", "pipeline.yaml", ...(args.includes("--out") ? [] : ["--out", "out"])], {
    cwd: folder,
  });
const filesOf = async (path: string) =>
  (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
const text = (path: string) => readFile(join(folder, "out", path), "utf8");

test("the overlay for production is what the commands write", async () => {
  expect(await scaffold("pipeline")).toMatchObject({ code: 0, stderr: "" });
  expect(await scaffold("team", "m1")).toMatchObject({ code: 0, stderr: "" });
  expect(await scaffold("team", "m2", "--gpus", "2")).toMatchObject({ code: 0, stderr: "" });
  expect(await scaffold("nats", "--out", "out/accounts")).toMatchObject({ code: 0, stderr: "" });
  const ignored = /^uncouple\/|^accounts\/(keys\/|nats\.conf$)/;
  const written = (await filesOf(join(folder, "out"))).filter((file) => !ignored.test(file));
  const shipped = (await filesOf(overlay)).filter((file) => file !== "kustomization.yaml");
  expect(shipped).toEqual(written);
  for (const file of written) {
    // Here, the base is two folders up, without a version.
    const expected = (await text(file)).replaceAll(`uncouple/${version}/base`, "../../base");
    // Nobody has the secrets of the keys that are shipped.
    const shown = (content: string) => content.replaceAll(/\bU[A-Z2-7]{55}\b/g, "KEY");
    expect(shown(await readFile(join(overlay, file), "utf8")), file).toBe(shown(expected));
  }
});

test("the manifests of the version come along, as they are shipped", async () => {
  await scaffold("pipeline");
  for (const part of ["base", "components"]) {
    const copy = join(folder, "out/uncouple", version, part);
    expect(await filesOf(copy)).toEqual(await filesOf(join(root, "deploy/k8s", part)));
  }
  const trainer = "base/team/trainer.yaml";
  expect(await text(`uncouple/${version}/${trainer}`)).toBe(await readFile(join(root, "deploy/k8s", trainer), "utf8"));
});

test("an upgrade is one line: a team's overlay has the version once", async () => {
  await scaffold("pipeline");
  for (const hardware of [[], ["--gpus", "1"], ["--gpus", "4"], ["--workers", "3"]]) {
    await scaffold("team", "m2", ...hardware, "--force");
    const all = await Promise.all(
      (await filesOf(join(folder, "out/teams/m2"))).map((file) => text(`teams/m2/${file}`)),
    );
    expect(all.join("").split(version)).toHaveLength(2);
  }
});

test.each([
  { hardware: [], base: "team" },
  { hardware: ["--gpus", "1"], base: "team-gpu" },
  { hardware: ["--gpus", "4"], base: "team-gpu-workers" },
  { hardware: ["--workers", "3"], base: "team-workers" },
  { hardware: ["--gpus", "4", "--workers", "2"], base: "team-gpu-workers" },
])("$hardware is $base, with a team file that is valid", async ({ hardware, base }) => {
  await scaffold("pipeline");
  const { code, stdout } = await scaffold("team", "m2", ...hardware, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ base, namespace: "uncouple-m2" });
  expect(await text("teams/m2/kustomization.yaml")).toContain(`/base/${base} #`);
  const validated = await cli(["validate", "pipeline.yaml", "out/teams/m2/team.yaml"], { cwd: folder });
  expect(validated).toMatchObject({ code: 0, stderr: "" });
});

test("cert-manager makes the certificates that pods mount, for the names by which services are called", async () => {
  await scaffold("pipeline", "--certificates", "cert-manager");
  await scaffold("team", "m2", "--workers", "3", "--certificates", "cert-manager");
  for (const [folder, secrets] of [
    ["platform", ["nats-tls", "evaluator-tls"]],
    ["teams/m2", ["trainer-tls", "worker-tls"]],
  ] as const) {
    const resources = parseAllDocuments(await text(`${folder}/certificates.yaml`)).map((document) => document.toJS());
    expect(parse(await text(`${folder}/kustomization.yaml`)).resources).toContain("certificates.yaml");
    const suffix = folder === "platform" ? "" : "-m2";
    const issuers = resources.filter(({ kind }) => kind === "Issuer").map(({ metadata }) => metadata.name + suffix);
    const certificates = resources.filter(({ kind }) => kind === "Certificate");
    expect(certificates.map(({ spec }) => spec.secretName)).toEqual(["uncouple-ca", ...secrets]);
    for (const { spec } of certificates) expect(issuers).toContain(spec.issuerRef.name);
  }
  expect(await text("platform/certificates.yaml")).toContain("    - nats-0.nats-headless.uncouple\n");
  expect(await text("teams/m2/certificates.yaml")).toContain("    - trainer-m2\n");
  expect((await scaffold("team", "m1")).stdout).toContain("certificate.sh uncouple-m1 trainer-tls trainer-m1 ");
});

test("teams of a pipeline that reads a file mount its volume", async () => {
  await cp(join(root, "examples/ads/pipeline.yaml"), join(folder, "pipeline.yaml"));
  const { stdout } = await scaffold("pipeline", "--autoscaler", "hpa");
  expect(stdout).toContain("data.path");
  await scaffold("team", "click");
  expect(await text("teams/click/kustomization.yaml")).toContain("claimName: data");
  expect(await text("platform/kustomization.yaml")).toContain("claimName: data");
  expect(await text("platform/kustomization.yaml")).toContain("pipeline-hpa");
});

describe("one line, and nothing written, for", () => {
  test.each([
    { what: "a component that the pipeline lacks", args: ["team", "m3"], code: 3, says: 'no component "m3"' },
    {
      what: "a namespace that is none",
      args: ["team", "m1", "--namespace", "A_b"],
      code: 2,
      says: 'namespace "A_b": must',
    },
    {
      what: "more workers than GPUs",
      args: ["team", "m1", "--gpus", "1", "--workers", "2"],
      code: 2,
      says: "--workers 2 exceeds --gpus 1",
    },
    { what: "a number that is none", args: ["team", "m1", "--gpus", "0"], code: 2, says: "positive integer" },
  ])("$what", async ({ args, code, says }) => {
    await scaffold("pipeline");
    const before = await filesOf(folder);
    const result = await scaffold(...args);
    expect(result).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(says) });
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
    expect(await filesOf(folder)).toEqual(before);
  });

  test("a team before its pipeline", async () => {
    const result = await scaffold("team", "m1");
    expect(result).toMatchObject({ code: 5, stderr: expect.stringContaining("run `uncouple scaffold pipeline") });
    expect(await filesOf(folder)).toEqual(["pipeline.yaml"]);
  });

  test("a component whose name does not fit Kubernetes", async () => {
    const long = `m${"x".repeat(50)}`;
    const pipeline = await readFile(join(folder, "pipeline.yaml"), "utf8");
    await writeFile(join(folder, "pipeline.yaml"), pipeline.replaceAll("m1", long));
    await scaffold("pipeline");
    expect(await scaffold("team", long)).toMatchObject({ code: 2, stderr: expect.stringContaining("at most 44") });
  });

  test("files that exist, unless --force overwrites them", async () => {
    await scaffold("pipeline");
    await scaffold("team", "m1");
    await writeFile(join(folder, "out/teams/m1/team.yaml"), "mine");
    await rm(join(folder, "out/teams/m1/namespace.yaml"));
    expect(await scaffold("team", "m1")).toMatchObject({
      code: 4,
      stderr: "uncouple: out/teams/m1/kustomization.yaml already exists; use --force to overwrite it\n",
    });
    expect(await filesOf(join(folder, "out/teams/m1"))).toEqual(["kustomization.yaml", "quota.yaml", "team.yaml"]);
    expect(await scaffold("pipeline")).toMatchObject({ code: 4 });
    expect(await scaffold("team", "m1", "--force")).toMatchObject({ code: 0 });
    expect(await text("teams/m1/team.yaml")).toContain("component: m1");
    expect(await text("teams/m1/team.yaml")).toMatch(/`search`.*`tests`.*`sample`/s);
    expect(await text("shared/kustomization.yaml")).toMatch(/`tests`.*`from`.*`data.held_out`/s);
  });

  test("a deployment of another pipeline file", async () => {
    await scaffold("pipeline");
    const pipeline = await readFile(join(folder, "pipeline.yaml"), "utf8");
    await writeFile(join(folder, "pipeline.yaml"), pipeline.replace("rows: 20000", "rows: 10000"));
    expect(await scaffold("team", "m1")).toMatchObject({ code: 4, stderr: expect.stringContaining("differs from") });
  });
});
