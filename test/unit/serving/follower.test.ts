import { existsSync } from "node:fs";
import { appendFile, cp, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { Served } from "../../../services/pipeline/release.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { collect } from "../../../services/registry/logged.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { createFollower, type FollowerDeps } from "../../../services/serving/follower.ts";
import { openReleaseFolders } from "../../../services/serving/release-folders.ts";
import { draft, release } from "../../helpers/drafts.ts";
import { createDyingDisk } from "../../helpers/dying-disk.ts";
import { colorContracts } from "../../helpers/served-models.ts";
import { colorContent, filesBelow, publishColor, readCurrent, releaseColors } from "../../helpers/served-releases.ts";

const signal = new AbortController().signal;
/** Syncs take no time there. */
const MEMORY = "/dev/shm";
const first = { class: 1, price: 1, rank: 1 };

let root: string;
let dir: string;
let clock: VirtualClock;
let backplane: Backplane;
beforeEach(async () => {
  root = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "uncouple-follow-"));
  dir = join(root, "serving");
  clock = createVirtualClock(Date.parse("2026-03-02T12:00:00.000Z"));
  backplane = createMemoryBackplane("colors", { clock });
  await backplane.pipelines.apply(colorContent, null, "test");
  for (const component of ["class", "price", "rank"]) {
    await publishColor(backplane, component, 1);
    await publishColor(backplane, component, 2);
  }
});
afterEach(async () => {
  await backplane.close();
  await rm(root, { recursive: true, force: true });
});

/** A process that follows, and what it was told. */
async function follower(change: Partial<FollowerDeps> = {}, into = dir) {
  const reloads: number[] = [];
  const errors: string[] = [];
  const made = await createFollower({
    ...{ backplane, folders: await openReleaseFolders(into), dir: into, clock, name: "web", keep: 3 },
    reload: async (number) => void reloads.push(number),
    onInstalled: () => {},
    onServed: () => {},
    onError: (step, { message }) => void errors.push(`${step}: ${message}`),
    ...change,
  });
  return { ...made, reloads, errors };
}

/** Lets time go by until a check passes: files take real time. */
async function passes(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(
    async () => {
      await clock.advance(250);
      await check();
    },
    { timeout: 10_000, interval: 5 },
  );
}

async function reports(): Promise<readonly Served[]> {
  const entries = await collect(backplane.ledger.read(0));
  return entries.filter((entry) => entry.entry === "served");
}

test("writes models, manifests, one graph and a Triton repository, and says what it serves", async () => {
  const one = await follower();
  expect(await one.advance(signal)).toBe("waiting");
  await releaseColors(backplane, first);
  expect(await one.advance(signal)).toBe("done");
  expect(await readlink(join(dir, "current"))).toBe("releases/1");
  expect(await filesBelow(join(dir, "current"))).toEqual([
    "manifests/class.json",
    "manifests/price.json",
    "manifests/rank.json",
    "models/class.onnx",
    "models/price.onnx",
    "models/rank.onnx",
    "pipeline.onnx",
    "release.json",
    "triton/class/1/model.onnx",
    "triton/class/config.pbtxt",
    "triton/colors_pipeline/1/",
    "triton/colors_pipeline/config.pbtxt",
    "triton/price/1/model.onnx",
    "triton/price/config.pbtxt",
    "triton/rank/1/model.onnx",
    "triton/rank/config.pbtxt",
  ]);
  const listed = await readCurrent(dir);
  expect(listed).toMatchObject({
    ...{ version: 1, pipeline: "colors", number: 1, composition: first, kind: "promote" },
    pipelineDigest: (await backplane.pipelines.current())?.value.digest,
    graph: { file: "pipeline.onnx" },
    ensemble: { model: "colors_pipeline" },
  });
  expect(Object.keys(listed?.files ?? {})).toHaveLength(14);
  expect(await reports()).toMatchObject([
    { follower: "web", release: 1, composition: first, since: "2026-03-02T12:00:00.000Z" },
  ]);
  expect({ released: one.released(), served: one.served(), reloads: one.reloads }).toEqual({
    ...{ released: 1, served: 1, reloads: [1] },
  });
});

describe("a kill", () => {
  test("at any change of a file leaves a reader one whole release, and the next process finishes", async () => {
    await releaseColors(backplane, { class: 1 });
    await (await follower()).advance(signal);
    await releaseColors(backplane, { class: 2 });
    const disk = createDyingDisk();
    let kills = 0;
    try {
      for (let isDead = true; isDead; ) {
        const into = join(root, `killed-${kills}`);
        await cp(dir, into, { recursive: true, verbatimSymlinks: true });
        const reloads: number[] = [];
        const alive = async () => {
          if (disk.isDead()) throw new Error("killed");
        };
        const before = (await reports()).length;
        const ledger = {
          ...backplane.ledger,
          append: async (...args: Parameters<Backplane["ledger"]["append"]>) => {
            await alive();
            return backplane.ledger.append(...args);
          },
        };
        const reload = async (number: number) => {
          await alive();
          expect((await readCurrent(into))?.number).toBe(number);
          reloads.push(number);
        };
        disk.dieAfter(kills);
        const dying = follower({ backplane: { ...backplane, ledger }, reload, keep: 1, name: `web-${kills}` }, into);
        await dying.then((one) => one.advance(signal)).catch(() => {});
        isDead = disk.isDead();
        disk.revive();
        expect([1, 2], `after change ${kills}`).toContain((await readCurrent(into))?.number);

        const next = await follower({ reload, keep: 1, name: `web-${kills}` }, into);
        expect(await next.advance(signal), `after change ${kills}`).toBe("done");
        expect((await readCurrent(into))?.composition).toEqual({ class: 2 });
        expect(reloads.length).toBeGreaterThanOrEqual(1);
        expect(new Set(reloads)).toEqual(new Set([2]));
        expect((await reports()).slice(before)).toMatchObject([{ follower: `web-${kills}`, release: 2 }]);
        expect((await readdir(into)).sort()).toEqual(["current", "releases", "served.json"]);
        expect(await readdir(join(into, "releases"))).toEqual(["2"]);
        kills++;
      }
    } finally {
      disk.restore();
    }
    // Folders, files and their syncs, the swap, the state, and the removal of release 1.
    expect(kills).toBeGreaterThan(40);
  });

  test("of the command is repeated after a restart", async () => {
    await releaseColors(backplane, first);
    const dead = await follower({
      reload: async () => Promise.reject(new UncoupleError("failed-precondition", "killed")),
    });
    expect(await dead.advance(signal)).toBe("failed");
    const next = await follower();
    expect(await next.advance(signal)).toBe("done");
    const third = await follower();
    expect(await third.advance(signal)).toBe("done");
    expect([next.reloads, third.reloads]).toEqual([[1], []]);
    expect(await reports()).toHaveLength(1);
  });
});

describe("a failing command", () => {
  test("leaves the release linked, is tried again, and is not reported as served", async () => {
    let failing = true;
    const told: number[] = [];
    const one = await follower({
      async reload(number) {
        told.push(number);
        if (failing) throw new UncoupleError("failed-precondition", "the command failed: exit code 3");
      },
    });
    await releaseColors(backplane, first);
    const stop = new AbortController();
    const following = one.follow(stop.signal);
    await passes(async () => expect(told).toEqual([1, 1, 1, 1]));
    expect((await readCurrent(dir))?.number).toBe(1);
    expect([await reports(), one.served()]).toEqual([[], undefined]);
    expect(new Set(one.errors)).toEqual(new Set(["exec: the command failed: exit code 3"]));
    await releaseColors(backplane, { ...first, price: 2 });
    await passes(async () => expect(told.slice(-2)).toEqual([2, 2]));
    failing = false;
    await passes(async () => expect(await reports()).toMatchObject([{ release: 2 }]));
    stop.abort();
    await following;
  });
});

describe("an outage", () => {
  test("does not stop the command for what is linked, and ends with what was missed", async () => {
    let isAway = false;
    const ledger = {
      ...backplane.ledger,
      async release() {
        if (isAway) throw new UncoupleError("unavailable", "no connection");
        return backplane.ledger.release();
      },
    };
    let failing = true;
    const one = await follower({
      backplane: { ...backplane, ledger },
      async reload() {
        if (failing) throw new UncoupleError("failed-precondition", "not yet");
      },
    });
    await releaseColors(backplane, first);
    expect(await one.advance(signal)).toBe("failed");
    isAway = true;
    failing = false;
    expect([await one.advance(signal), one.served()]).toEqual(["failed", 1]);
    for (const price of [2, 1, 2]) await releaseColors(backplane, { ...first, price });
    const stop = new AbortController();
    const following = one.follow(stop.signal);
    const errors = one.errors.length;
    await passes(async () => expect(one.errors.length).toBeGreaterThan(errors + 5));
    expect(one.served()).toBe(1);
    isAway = false;
    await passes(async () => expect((await reports()).at(-1)).toMatchObject({ release: 4 }));
    expect((await readdir(join(dir, "releases"))).sort()).toEqual(["1", "4"]);
    stop.abort();
    await following;
  });
});

describe("old releases", () => {
  test("are pruned, but none that a symbolic link names", async () => {
    const one = await follower({ keep: 2 });
    await releaseColors(backplane, first);
    await one.advance(signal);
    await symlink("releases/1", join(dir, "before"));
    for (const price of [2, 1, 2, 1]) {
      await releaseColors(backplane, { ...first, price });
      await one.advance(signal);
    }
    expect((await readdir(join(dir, "releases"))).sort()).toEqual(["1", "4", "5"]);
    expect(one.reloads).toEqual([1, 2, 3, 4, 5]);
  });

  test("give the models that have not changed", async () => {
    const asked: string[] = [];
    const registry = {
      ...backplane.registry,
      bytes: async (...args: Parameters<Backplane["registry"]["bytes"]>) => {
        asked.push(`${args[0].component}@${args[0].serial}`);
        return backplane.registry.bytes(...args);
      },
    };
    const one = await follower({ backplane: { ...backplane, registry } });
    await releaseColors(backplane, first);
    await one.advance(signal);
    await releaseColors(backplane, { ...first, rank: 2 });
    await one.advance(signal);
    expect(asked).toEqual(["class@1", "price@1", "rank@1", "rank@2"]);
    expect((await readCurrent(dir))?.number).toBe(2);
  });
});

describe("a folder", () => {
  test("whose files were changed is not served again", async () => {
    await releaseColors(backplane, first);
    await (await follower()).advance(signal);
    await appendFile(join(dir, "releases/1/models/rank.onnx"), "!");
    const next = await follower();
    expect(await next.advance(signal)).toBe("failed");
    expect(next.errors).toEqual([
      `install: ${dir}/releases/1 cannot be used: models/rank.onnx does not match its digest; remove the folder, or follow into another one`,
    ]);
  });

  test("of another pipeline, or of a store that was restored, is refused", async () => {
    await releaseColors(backplane, first);
    await (await follower()).advance(signal);
    const other = createMemoryBackplane("colors", { clock });
    await other.ledger.append(release(1, { pipeline: "colors", composition: { class: 2 } }));
    const next = await follower({ backplane: other });
    expect(await next.advance(signal)).toBe("failed");
    expect(next.errors[0]).toContain("it is of another release 1, of pipeline colors; remove the folder");
    expect((await readCurrent(dir))?.composition).toEqual(first);
  });

  test("with a file where the link belongs says so, and keeps the file", async () => {
    await releaseColors(backplane, first);
    const folders = await openReleaseFolders(dir);
    await writeFile(join(dir, "current"), "mine");
    await expect(follower({ folders })).rejects.toThrow(`${dir}: cannot use the state folder`);
    expect(await readFile(join(dir, "current"), "utf8")).toBe("mine");
  });
});

describe("one graph", () => {
  test("needs the pipeline file, and the release is served without it", async () => {
    const bare = createMemoryBackplane("colors", { clock });
    await publishColor(bare, "class", 1);
    await releaseColors(bare, { class: 1 });
    expect(await (await follower({ backplane: bare })).advance(signal)).toBe("done");
    const why = "the registry has no pipeline file that says which model reads which";
    expect(await readCurrent(dir)).toMatchObject({ pipelineDigest: null, graph: { why }, ensemble: { why } });
    expect(await readdir(join(dir, "current/triton"))).toEqual(["class"]);
  });

  test("is left out with the reason if a model cannot be composed", async () => {
    const { rank: contract } = colorContracts;
    const foreign = draft({ pipeline: "colors", component: "rank", ...(contract && { contract }) });
    await backplane.registry.publish(foreign, new TextEncoder().encode("not a model"), "any");
    await releaseColors(backplane, { ...first, rank: 3 });
    expect(await (await follower()).advance(signal)).toBe("done");
    const listed = await readCurrent(dir);
    expect(listed?.graph).toEqual({ why: expect.stringContaining("ONNX") });
    expect(listed?.ensemble).toEqual({ model: "colors_pipeline" });
  });
});
