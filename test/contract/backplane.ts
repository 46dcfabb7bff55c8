import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { UncoupleError } from "../../services/common/errors.ts";
import { digestOf } from "../../services/pipeline/pipeline-content.ts";
import type { Backplane, WorkItem } from "../../services/registry/backplane.ts";
import * as make from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";

/** A test environment of an implementation. Each `open` gives the view of a separate process on the same pipeline. */
export interface World {
  readonly pipeline: string;
  open(): Promise<Backplane>;
  /** Closes all backplanes and deletes all data. */
  destroy(): Promise<void>;
}

export interface Implementation {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Creates an empty pipeline. */
  create(): Promise<World>;
}

const failure = async (promise: Promise<unknown>): Promise<UncoupleError> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UncoupleError);
  return thrown as UncoupleError;
};
const { model } = make;
const never = new AbortController().signal;

/** Tests the contract of the ports in services/registry on an implementation. */
export function backplaneContract(implementation: Implementation): void {
  describe(`${implementation.name} backplane`, () => {
    beforeAll(() => implementation.start());
    afterAll(() => implementation.stop());
    let world: World;
    const draft = (change: Parameters<typeof make.draft>[0] = {}) =>
      make.draft({ pipeline: world.pipeline, ...change });
    const verdict = (component: string, serial: number, evaluator = "evaluator-1") =>
      make.verdict(component, serial, { pipeline: world.pipeline, evaluator });
    const quarantine = (component: string, serial: number) =>
      make.quarantine(component, serial, { pipeline: world.pipeline });
    let one: Backplane;
    let two: Backplane;
    beforeEach(async () => {
      world = await implementation.create();
      // Concurrently, because the services of a pipeline start together.
      [one, two] = await Promise.all([world.open(), world.open()]);
    });
    afterEach(() => world.destroy());

    describe("applied pipeline files", () => {
      const content = (objective: string) => ({ name: world.pipeline, objective, components: {} });

      test("another process sees the file in force and the history, with digests of the content", async () => {
        expect(await one.pipelines.current()).toBeUndefined();
        const first = await one.pipelines.apply(content("a"), null, "ann");
        const second = await two.pipelines.apply(content("b"), first.digest, "ben");
        expect(second).toMatchObject({ previous: first.digest, by: "ben", content: content("b") });
        expect(second.digest).toBe(digestOf(content("b")));
        expect((await one.pipelines.current())?.value).toEqual(second);
        expect((await one.pipelines.history()).map(({ value }) => value)).toEqual([first, second]);
      });

      test("of two that are applied concurrently, one is in force and the other a conflict", async () => {
        const outcomes = await Promise.allSettled([
          one.pipelines.apply(content("a"), null, "ann"),
          two.pipelines.apply(content("b"), null, "ben"),
        ]);
        const failed = outcomes.filter((outcome) => outcome.status === "rejected");
        expect(failed).toHaveLength(1);
        expect(failed[0]?.reason).toMatchObject({ code: "conflict" });
        expect(await one.pipelines.history()).toHaveLength(1);
      });

      test("an earlier file can be in force again", async () => {
        const first = await one.pipelines.apply(content("a"), null, "ann");
        const second = await one.pipelines.apply(content("b"), first.digest, "ann");
        await one.pipelines.apply(content("a"), second.digest, "ann");
        expect((await two.pipelines.current())?.value.digest).toBe(first.digest);
        expect(await two.pipelines.history()).toHaveLength(3);
      });

      test("a watch gets earlier and later ones in order", async () => {
        const first = await one.pipelines.apply(content("a"), null, "ann");
        const stop = new AbortController();
        const watched = take(two.pipelines.watch(0, stop.signal), 2);
        const second = await one.pipelines.apply(content("b"), first.digest, "ann");
        expect((await watched).map(({ value }) => value)).toEqual([first, second]);
        stop.abort();
      });
    });

    describe("publishing", () => {
      test("another process reads back a published snapshot completely", async () => {
        const bytes = model(1, 1_500_000);
        const manifest = await one.registry.publish(draft({ runId: "r1" }), bytes, null);
        expect(manifest).toMatchObject({ version: 2, component: "m1", serial: 1, parent: null, size: 1_500_000 });
        expect(manifest.digest).toMatch(/^[0-9a-f]{64}$/);
        expect(await two.registry.manifest("m1", 1)).toEqual(manifest);
        expect(await two.registry.latest("m1")).toEqual(manifest);
        expect(Buffer.compare(await two.registry.bytes(manifest), bytes)).toBe(0);
      });

      test("changing the bytes after publishing has no effect", async () => {
        const bytes = model(1);
        const manifest = await one.registry.publish(draft(), bytes, null);
        bytes.fill(0);
        (await one.registry.bytes(manifest)).fill(0);
        expect(Buffer.compare(await one.registry.bytes(manifest), model(1))).toBe(0);
      });

      test("three concurrent publishers get exactly the serials 1 to N", async () => {
        const three = await world.open();
        const publish = async (backplane: Backplane) => {
          const serials: number[] = [];
          for (let i = 0; i < 8; i++) {
            serials.push((await backplane.registry.publish(draft(), model(i), "any")).serial);
          }
          return serials;
        };
        const serials = (await Promise.all([one, two, three].map(publish))).flat();
        const expected = Array.from({ length: 24 }, (_, i) => i + 1);
        expect(serials.toSorted((a, b) => a - b)).toEqual(expected);
        const listed = await one.registry.list("m1");
        expect(listed.map(({ serial }) => serial)).toEqual(expected);
        expect(listed.map(({ parent }) => parent)).toEqual([null, ...expected.slice(0, -1)]);
      });

      test("each component has its own serials", async () => {
        await one.registry.publish(draft({ component: "m1" }), model(1), null);
        const m2 = await two.registry.publish(
          draft({ component: "m2", provenance: { upstream: { m1: 1 } } }),
          model(2),
          null,
        );
        expect(m2).toMatchObject({ component: "m2", serial: 1, provenance: { upstream: { m1: 1 } } });
        expect((await one.registry.list()).map(({ component }) => component)).toEqual(["m1", "m2"]);
        expect((await one.registry.list("m2")).map(({ component }) => component)).toEqual(["m2"]);
      });

      test("a publish aborted halfway publishes nothing and can be retried", async () => {
        const stop = new AbortController();
        const large = model(1, 9_000_000);
        const publishing = failure(one.registry.publish(draft({ runId: "r1" }), large, null, stop.signal));
        await new Promise((resolve) => setImmediate(resolve));
        stop.abort();
        expect(await publishing).toMatchObject({ code: "cancelled", message: expect.stringContaining("r1") });
        expect(await two.registry.list()).toEqual([]);
        expect(await one.registry.publish(draft({ runId: "r1" }), large, null)).toMatchObject({ serial: 1 });
      });

      test("of two publishers with the same parent, one publishes and the other gets a conflict", async () => {
        await one.registry.publish(draft(), model(1), null);
        const outcomes = await Promise.allSettled([
          one.registry.publish(draft({ runId: "a" }), model(2), 1),
          two.registry.publish(draft({ runId: "b" }), model(3), 1),
        ]);
        const failed = outcomes.filter((outcome) => outcome.status === "rejected");
        expect(failed).toHaveLength(1);
        expect(failed[0]?.reason).toMatchObject({ code: "conflict" });
        expect(await one.registry.list("m1")).toHaveLength(2);
      });

      test("a stale parent publishes nothing", async () => {
        await one.registry.publish(draft(), model(1), null);
        await one.registry.publish(draft(), model(2), 1);
        for (const parent of [null, 1, 3]) {
          const error = await failure(two.registry.publish(draft(), model(3), parent));
          expect(error).toMatchObject({ code: "conflict", message: expect.stringContaining("m1@2") });
        }
        expect(await two.registry.list("m1")).toHaveLength(2);
      });

      test("a run that publishes again gets its own manifest back, even after other publishes", async () => {
        const mine = draft({ runId: "mine" });
        const first = await one.registry.publish(mine, model(1), null);
        await two.registry.publish(draft(), model(2), 1);
        expect(await two.registry.publish(mine, model(1), null)).toEqual(first);
        expect(await one.registry.publish(mine, model(1), "any")).toEqual(first);
        expect(await one.registry.list("m1")).toHaveLength(2);
      });

      test("two concurrent publishes of the same run publish once", async () => {
        const mine = draft({ runId: "mine" });
        const [first, second] = await Promise.all([
          one.registry.publish(mine, model(1), null),
          two.registry.publish(mine, model(1), null),
        ]);
        expect(first).toEqual(second);
        expect(await one.registry.list("m1")).toHaveLength(1);
        expect(Buffer.compare(await one.registry.bytes(first), model(1))).toBe(0);
      });

      test("a run cannot publish different bytes", async () => {
        const mine = draft({ runId: "mine" });
        await one.registry.publish(mine, model(1), null);
        expect(await failure(one.registry.publish(mine, model(2), "any"))).toMatchObject({
          code: "conflict",
          message: expect.stringContaining("mine"),
        });
      });

      test.each([
        ["a different pipeline", { pipeline: "other" }, model(1)],
        ["an invalid component name", { component: "M.1" }, model(1)],
        ["no run id", { runId: "" }, model(1)],
        ["a loss that JSON cannot represent", { provenance: { trainingLoss: Number.NaN } }, model(1)],
        ["no bytes", {}, new Uint8Array(0)],
      ])("a draft with %s is rejected and has no effect", async (_, bad, bytes) => {
        expect(await failure(one.registry.publish(draft(bad), bytes, null))).toMatchObject({
          code: "invalid-argument",
        });
        expect((await one.registry.publish(draft(), model(1), null)).serial).toBe(1);
      });
    });

    describe("reading", () => {
      test("an unpublished snapshot is not found", async () => {
        await one.registry.publish(draft(), model(1), null);
        expect(await failure(two.registry.manifest("m1", 2))).toMatchObject({
          code: "not-found",
          message: expect.stringContaining("m1@2"),
        });
        expect(await failure(two.registry.manifest("m9", 1))).toMatchObject({ code: "not-found" });
        const real = await two.registry.manifest("m1", 1);
        expect(await failure(two.registry.bytes({ ...real, serial: 2 }))).toMatchObject({ code: "not-found" });
        expect(await two.registry.latest("m9")).toBeUndefined();
        expect(await two.registry.list("m9")).toEqual([]);
      });

      test("bytes that do not match the manifest are data loss", async () => {
        const real = await one.registry.publish(draft(), model(1), null);
        const digest = real.digest.replace(/^./, (first) => (first === "0" ? "1" : "0"));
        for (const wrong of [{ digest }, { size: 63 }, { size: 65 }]) {
          const error = await failure(two.registry.bytes({ ...real, ...wrong }));
          expect(error).toMatchObject({ code: "data-loss", message: expect.stringContaining("m1@1") });
        }
        expect(Buffer.compare(await two.registry.bytes(real), model(1))).toBe(0);
      });
    });

    describe("positions", () => {
      test("the end of a log is the position of its newest entry", async () => {
        expect([await one.registry.end(), await one.verdicts.end()]).toEqual([0, 0]);
        for (let i = 1; i <= 2; i++) await one.registry.publish(draft(), model(i), "any");
        await one.verdicts.append(verdict("m1", 1));
        const announced = await take(two.registry.watch(0, never), 2);
        expect(await two.registry.end()).toBe(announced[1]?.position);
        expect(await two.verdicts.end()).toBe((await take(two.verdicts.watch(0, never), 1))[0]?.position);
      });

      test("a log is read from a position on, up to what it has", async () => {
        for (let serial = 1; serial <= 3; serial++) await one.verdicts.append(verdict("m1", serial));
        const all = await take(two.verdicts.read(0), 9);
        expect(all.map(({ value }) => value.serial)).toEqual([1, 2, 3]);
        expect(await take(two.verdicts.read(all[1]?.position ?? 0), 9)).toEqual(all.slice(1));
        expect(await take(two.verdicts.read((all[2]?.position ?? 0) + 1), 9)).toEqual([]);
        expect(await take(two.quarantines.read(0), 9)).toEqual([]);
      });

      test("a run is found by what it published", async () => {
        const mine = await one.registry.publish(draft({ runId: "mine" }), model(1), null);
        await one.registry.publish(draft({ runId: "other" }), model(2), 1);
        expect(await two.registry.ofRun("m1", "mine")).toEqual(mine);
        expect(await two.registry.ofRun("m1", "nobody")).toBeUndefined();
        expect(await two.registry.ofRun("m2", "mine")).toBeUndefined();
      });
    });

    describe("watching", () => {
      test("a watch delivers past announcements, then live ones, in order", async () => {
        for (let i = 1; i <= 3; i++) await one.registry.publish(draft(), model(i), "any");
        const watched = take(two.registry.watch(0, never), 6);
        for (let i = 4; i <= 6; i++) await one.registry.publish(draft(), model(i), "any");
        const announcements = await watched;
        expect(announcements.map(({ manifest }) => manifest.serial)).toEqual([1, 2, 3, 4, 5, 6]);
        const positions = announcements.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
        expect(new Set(positions).size).toBe(6);
      });

      test("a watch resumes after the last seen position", async () => {
        for (let i = 1; i <= 4; i++) await one.registry.publish(draft(), model(i), "any");
        const [, second] = await take(two.registry.watch(0, never), 2);
        const from = (second?.position ?? 0) + 1;
        const rest = await take(two.registry.watch(from, never), 2);
        expect(rest.map(({ manifest }) => manifest.serial)).toEqual([3, 4]);
      });

      test("a watch ends without an error when its signal aborts", async () => {
        await one.registry.publish(draft(), model(1), null);
        const stop = new AbortController();
        const seen: number[] = [];
        for await (const { manifest } of one.registry.watch(0, stop.signal)) {
          seen.push(manifest.serial);
          setTimeout(() => stop.abort(), 20);
        }
        expect(seen).toEqual([1]);
      });

      test("closing the backplane ends its watches", async () => {
        const ended = (async () => {
          for await (const _ of one.registry.watch(0, never)) throw new Error("nothing was announced");
        })();
        await one.close();
        await ended;
        expect(one.connection()).toBe("closed");
        await one.close();
      });

      test("a watch, a work queue and a lease request on a closed backplane end immediately", async () => {
        await one.close();
        expect(await take(one.registry.watch(0, never), 1)).toEqual([]);
        expect(await take(one.verdicts.watch(0, never), 1)).toEqual([]);
        expect(await take(one.workQueue("evaluators").items(never), 1)).toEqual([]);
        expect(await failure(one.leases.acquire("training", "ann", never))).toMatchObject({ code: "cancelled" });
      });
    });

    describe("aliases", () => {
      beforeEach(async () => {
        for (let i = 1; i <= 3; i++) await one.registry.publish(draft(), model(i), "any");
      });

      test("an alias is set, moved and removed, and the log has each change", async () => {
        expect(await one.registry.aliases("m1")).toEqual({});
        await one.registry.setAlias("m1", "champion", 1, null, "ann: first");
        await two.registry.setAlias("m1", "champion", 3, 1, "bob: better");
        await two.registry.setAlias("m1", "shadow", 2, null, "bob");
        expect(await one.registry.aliases("m1")).toEqual({ champion: 3, shadow: 2 });
        await one.registry.setAlias("m1", "shadow", null, 2, "ann");
        expect(await two.registry.aliases("m1")).toEqual({ champion: 3 });
        expect(await two.registry.aliases("m2")).toEqual({});
        expect(
          (await one.registry.aliasLog("m1")).map(({ alias, serial, previous, by }) => [alias, serial, previous, by]),
        ).toEqual([
          ["champion", 1, null, "ann: first"],
          ["champion", 3, 1, "bob: better"],
          ["shadow", 2, null, "bob"],
          ["shadow", null, 2, "ann"],
        ]);
      });

      test("an alias is looked up in all components at once", async () => {
        await one.registry.publish(draft({ component: "m2" }), model(1), null);
        await one.registry.setAlias("m1", "champion", 1, null, "ann");
        await two.registry.setAlias("m1", "champion", 3, 1, "bob");
        await one.registry.setAlias("m2", "champion", 1, null, "ann");
        expect(await two.registry.aliased("champion")).toEqual({ m1: 3, m2: 1 });
        await one.registry.setAlias("m2", "champion", null, 1, "ann");
        expect(await two.registry.aliased("champion")).toEqual({ m1: 3 });
        expect(await two.registry.aliased("nothing")).toEqual({});
      });

      test("a watch of aliases delivers past changes, then live ones of every component", async () => {
        await one.registry.publish(draft({ component: "m2" }), model(1), null);
        await one.registry.setAlias("m1", "champion", 1, null, "ann");
        const watched = take(two.registry.watchAliases(0, never), 3);
        await one.registry.setAlias("m2", "champion", 1, null, "ann");
        await one.registry.setAlias("m1", "champion", 2, 1, "ann");
        const changes = await watched;
        expect(changes.map(({ value }) => [value.component, value.serial])).toEqual([
          ["m1", 1],
          ["m2", 1],
          ["m1", 2],
        ]);
        const from = (changes[1]?.position ?? 0) + 1;
        expect(await take(one.registry.watchAliases(from, never), 1)).toEqual([changes[2]]);
      });

      test("an alias moves only if it points to the expected snapshot", async () => {
        await one.registry.setAlias("m1", "champion", 1, null, "ann");
        for (const expected of [null, 2]) {
          const error = await failure(two.registry.setAlias("m1", "champion", 3, expected, "bob"));
          expect(error).toMatchObject({ code: "conflict", message: expect.stringContaining("m1@1") });
        }
        expect(await one.registry.aliasLog("m1")).toHaveLength(1);
      });

      test("exactly one of several concurrent moves succeeds", async () => {
        const moves = [one, two, one, two].map(({ registry }, i) =>
          registry.setAlias("m1", "champion", 1 + (i % 3), null, `contender ${i}`),
        );
        const outcomes = await Promise.allSettled(moves);
        expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        expect(await two.registry.aliasLog("m1")).toHaveLength(1);
      });

      test("different aliases of a component move concurrently without a conflict", async () => {
        await Promise.all(
          ["a", "b", "c", "d"].map((alias, i) => (i % 2 ? one : two).registry.setAlias("m1", alias, 1, null, "ann")),
        );
        expect(await one.registry.aliases("m1")).toEqual({ a: 1, b: 1, c: 1, d: 1 });
      });

      test.each(["", "Champion", "1st", "a.b", "a b", "x".repeat(64)])("%j is not a valid alias", async (alias) => {
        const error = await failure(one.registry.setAlias("m1", alias, 1, null, "ann"));
        expect(error).toMatchObject({ code: "invalid-argument" });
      });

      test("an alias cannot point to an unpublished snapshot", async () => {
        const error = await failure(one.registry.setAlias("m1", "champion", 4, null, "ann"));
        expect(error).toMatchObject({ code: "not-found", message: expect.stringContaining("m1@4") });
      });

      test("repeated rollbacks go further back, until no change is left", async () => {
        await one.registry.setAlias("m1", "champion", 1, null, "ann");
        await one.registry.setAlias("m1", "champion", 2, 1, "ann");
        await one.registry.setAlias("m1", "champion", 3, 2, "ann");
        expect(await two.registry.rollback("m1", "champion", "bob")).toMatchObject({
          kind: "rollback",
          serial: 2,
          previous: 3,
        });
        expect((await two.registry.rollback("m1", "champion", "bob")).serial).toBe(1);
        const error = await failure(one.registry.rollback("m1", "champion", "bob"));
        expect(error).toMatchObject({ code: "failed-precondition", message: expect.stringContaining("champion") });
        expect(await one.registry.aliases("m1")).toEqual({ champion: 1 });
        expect((await one.registry.aliasLog("m1")).map(({ serial }) => serial)).toEqual([1, 2, 3, 2, 1]);
      });

      test("a rollback after a rollback and a new change undoes only the new change", async () => {
        const move = async (serial: number | null, expected: number | null) =>
          one.registry.setAlias("m1", "champion", serial, expected, "ann");
        await move(1, null);
        await move(2, 1);
        await one.registry.rollback("m1", "champion", "ann");
        await move(3, 1);
        expect((await one.registry.rollback("m1", "champion", "ann")).serial).toBe(1);
        await move(null, 1);
        expect((await one.registry.rollback("m1", "champion", "ann")).serial).toBe(1);
        expect(await failure(one.registry.rollback("m1", "champion", "ann"))).toMatchObject({
          code: "failed-precondition",
        });
      });
    });

    describe("once logs", () => {
      test("exactly one of several concurrent verdicts on a snapshot is kept", async () => {
        const appended = await Promise.all(
          Array.from({ length: 6 }, (_, i) => (i % 2 ? one : two).verdicts.append(verdict("m1", 1, `evaluator-${i}`))),
        );
        expect(appended.filter(Boolean)).toHaveLength(1);
        const winner = `evaluator-${appended.indexOf(true)}`;
        expect(await one.verdicts.list()).toEqual([verdict("m1", 1, winner)]);
        expect(await two.verdicts.get("m1", 1)).toMatchObject({ evaluator: winner });
        expect(await two.verdicts.get("m1", 2)).toBeUndefined();
        expect(await one.verdicts.append(verdict("m1", 2))).toBe(true);
        expect(await two.verdicts.append(verdict("m1", 2))).toBe(false);
      });

      test("a watch of verdicts delivers past verdicts, then live ones", async () => {
        await one.verdicts.append(verdict("m1", 1));
        const watched = take(two.verdicts.watch(0, never), 3);
        await one.verdicts.append(verdict("m2", 1));
        await one.verdicts.append(verdict("m1", 2));
        const logged = await watched;
        expect(logged.map(({ value }) => `${value.component}@${value.serial}`)).toEqual(["m1@1", "m2@1", "m1@2"]);
        const from = (logged[0]?.position ?? 0) + 1;
        expect((await take(one.verdicts.watch(from, never), 1))[0]?.value).toEqual(verdict("m2", 1));
      });

      test("quarantines have their own log", async () => {
        expect(await one.quarantines.append(quarantine("m1", 1))).toBe(true);
        expect(await two.quarantines.list()).toEqual([quarantine("m1", 1)]);
        expect(await two.verdicts.list()).toEqual([]);
      });
    });

    describe("the work queue", () => {
      test("two workers share the items, and each item is processed exactly once", async () => {
        const stop = new AbortController();
        const done: string[] = [];
        const by = new Set<string>();
        const total = 12;
        const work = async (name: string, backplane: Backplane) => {
          for await (const item of backplane.workQueue("evaluators").items(stop.signal)) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            await item.done();
            expect(item.delivery).toBe(1);
            done.push(`${item.announcement.manifest.component}@${item.announcement.manifest.serial}`);
            by.add(name);
            if (done.length === total) stop.abort();
          }
        };
        for (let i = 1; i <= total / 2; i++) await one.registry.publish(draft(), model(i), "any");
        const workers = Promise.all([work("a", one), work("b", two)]);
        for (let i = 1; i <= total / 2; i++) await one.registry.publish(draft({ component: "m2" }), model(i), "any");
        await workers;
        expect(done.toSorted()).toEqual(
          ["m1", "m2"].flatMap((component) => [1, 2, 3, 4, 5, 6].map((serial) => `${component}@${serial}`)),
        );
        expect(by).toEqual(new Set(["a", "b"]));
        expect(await one.workQueue("evaluators").pending()).toBe(0);
        expect(await one.workQueue("others").pending()).toBe(total);
      });

      test("an item abandoned by a worker goes to another worker", async () => {
        await one.registry.publish(draft(), model(1), null);
        await expect(
          (async () => {
            for await (const _ of one.workQueue("evaluators").items(never)) throw new Error("the worker broke");
          })(),
        ).rejects.toThrow("the worker broke");
        expect(await one.workQueue("evaluators").pending()).toBe(1);
        for await (const item of two.workQueue("evaluators").items(never)) {
          expect(item.announcement.manifest.serial).toBe(1);
          expect(item.delivery).toBe(2);
          await item.done();
          break;
        }
        expect(await two.workQueue("evaluators").pending()).toBe(0);
      });

      test("an item returned for a retry is redelivered and does not block others", async () => {
        await one.registry.publish(draft(), model(1), null);
        await one.registry.publish(draft(), model(2), 1);
        const seen: [number, number][] = [];
        for await (const item of one.workQueue("evaluators").items(never)) {
          seen.push([item.announcement.manifest.serial, item.delivery]);
          if (seen.length === 1) await item.retry();
          else await item.done();
          if (seen.length === 3) break;
        }
        expect(seen).toEqual([
          [1, 1],
          [2, 1],
          [1, 2],
        ]);
        expect(await one.workQueue("evaluators").pending()).toBe(0);
      });

      test("an item held when the signal aborts can still be finished", async () => {
        await one.registry.publish(draft(), model(1), null);
        const stop = new AbortController();
        let held: WorkItem | undefined;
        for await (const item of one.workQueue("evaluators").items(stop.signal)) {
          held = item;
          stop.abort();
        }
        await held?.done();
        expect(await two.workQueue("evaluators").pending()).toBe(0);
      });
    });

    describe("leases", () => {
      test("only one contender at a time holds a lease", async () => {
        let holding = 0;
        let turns = 0;
        const contend = async (name: string, { leases }: Backplane) => {
          for (let i = 0; i < 3; i++) {
            const lease = await leases.acquire("training", name, never);
            expect(++holding).toBe(1);
            expect(await leases.holder("training")).toBe(name);
            await new Promise((resolve) => setTimeout(resolve, 5));
            expect(--holding).toBe(0);
            turns++;
            await lease.release();
            await lease.release();
          }
        };
        await Promise.all([contend("a", one), contend("b", two), contend("c", one)]);
        expect(turns).toBe(9);
        expect(await one.leases.holder("training")).toBeUndefined();
      });

      test("leases with different names are independent", async () => {
        const a = await one.leases.acquire("a", "ann", never);
        const b = await two.leases.acquire("b", "bob", never);
        expect([await two.leases.holder("a"), await one.leases.holder("b")]).toEqual(["ann", "bob"]);
        await Promise.all([a.release(), b.release()]);
      });

      test("a claim is refused while another holder renews, and granted when the lease is free", async () => {
        const lease = await one.leases.acquire("training", "ann", never);
        expect(await failure(two.leases.claim("training", "bob", never))).toMatchObject({
          code: "conflict",
          message: expect.stringContaining("ann"),
        });
        await lease.release();
        const claimed = await two.leases.claim("training", "bob", never);
        expect(await one.leases.holder("training")).toBe("bob");
        await claimed.release();
      });

      test("a lease request can be aborted", async () => {
        const lease = await one.leases.acquire("training", "ann", never);
        const stop = new AbortController();
        const waiting = failure(two.leases.acquire("training", "bob", stop.signal));
        setTimeout(() => stop.abort(), 50);
        expect(await waiting).toMatchObject({ code: "cancelled", message: expect.stringContaining("training") });
        expect(lease.lost.aborted).toBe(false);
        await lease.release();
      });

      test("closing the backplane ends its leases", async () => {
        const lease = await one.leases.acquire("training", "ann", never);
        await one.close();
        expect(lease.lost.aborted).toBe(true);
      });
    });
  });
}
