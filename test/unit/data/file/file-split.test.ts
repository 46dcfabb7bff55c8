import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FileRows, FileSplit } from "../../../../services/pipeline/pipeline.ts";
import { dataFiles, numbers, table } from "../../../helpers/data-files.ts";

const { file, opened, read, failureOf } = dataFiles();

describe("the split", () => {
  const sides = (name: string, over: Partial<FileRows> & Partial<FileSplit> = {}) =>
    opened(name, over, async (source) => ({
      training: numbers(await source.trainingRows(["id"]), "id"),
      heldOut: numbers(await source.heldOutRows(["id"]), "id"),
    }));

  test("follows the standard MD5 of the key or the row number", async () => {
    const name = await file(table(200));
    const digest = (id: number) => createHash("md5").update(String(id)).digest("hex");
    const expected = Array.from({ length: 200 }, (_, i) => i + 1).filter((id) => digest(id) < "4");
    expect((await sides(name, { key: "id", testFraction: 0.25 })).heldOut).toEqual(expected);
    expect((await sides(name, { testFraction: 0.25 })).heldOut).toEqual(expected);
  });

  test("does not move rows when others are appended; its sides are disjoint, complete and of the expected size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 200, max: 1500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.boolean(),
        async (rows, more, testFraction, keyed) => {
          const over = keyed ? { testFraction, key: "id" } : { testFraction };
          const before = await sides(await file(table(rows)), over);
          const after = await sides(await file(table(rows + more)), over);
          expect(after.training.slice(0, before.training.length)).toEqual(before.training);
          expect(after.heldOut.slice(0, before.heldOut.length)).toEqual(before.heldOut);
          const all = [...after.training, ...after.heldOut].sort((a, b) => a - b);
          expect(all).toEqual(Array.from({ length: rows + more }, (_, i) => i + 1));
          const share = after.heldOut.length / (rows + more);
          expect(Math.abs(share - testFraction)).toBeLessThan(5 * Math.sqrt(0.25 / (rows + more)));
        },
      ),
      { numRuns: 8 },
    );
  });

  test("by key does not depend on the order of the rows", async () => {
    const lines = table(300).trimEnd().split("\n");
    const reversed = [lines[0], ...lines.slice(1).reverse()].join("\n");
    const straight = await sides(await file(`${lines.join("\n")}\n`), { key: "id" });
    const backwards = await sides(await file(`${reversed}\n`), { key: "id" });
    expect([...backwards.heldOut].reverse()).toEqual(straight.heldOut);
  });

  test("keeps rows with the same key together", async () => {
    const content = `user,id\n${Array.from({ length: 600 }, (_, i) => `u${i % 20},${i}\n`).join("")}`;
    const { training, heldOut } = await sides(await file(content), { key: "user" });
    const users = (ids: readonly number[]) => new Set(ids.map((id) => id % 20));
    for (const user of users(heldOut)) expect(users(training).has(user)).toBe(false);
  });

  test("keeps groups together, whatever the key, and reads labels of held-out rows as text", async () => {
    const lines = Array.from({ length: 600 }, (_, i) => `${i},${i % 20},${i % 30},${i === 300 ? "" : `d${i % 2}`}\n`);
    const name = await file(`id,user,item,device\n${lines.join("")}`);
    await opened(name, { key: "id", group: ["user", "item"] }, async (source) => {
      const { table, labels } = await source.heldOutRows(["id"], ["user", "device"]);
      const ids = Array.from((table.columns.id as { values: Float32Array }).values);
      const textsOf = (column: string) => {
        const { codes, dictionary } = labels[column] as { codes: Int32Array; dictionary: readonly string[] };
        return Array.from(codes, (code) => dictionary[code]);
      };
      expect(textsOf("user")).toEqual(ids.map((id) => `${id % 20}`));
      expect(textsOf("device")).toEqual(ids.map((id) => (id === 300 ? "(missing)" : `d${id % 2}`)));
      // Each user's 30 rows are all here, or none of them.
      const users = new Set(ids.map((id) => id % 20));
      expect(ids).toHaveLength(30 * users.size);
      expect(await failureOf(source.heldOutRows(["id"], ["usr"]))).toBe('invalid-argument: unknown column "usr"');
    });
    expect(await failureOf(read(name, ["id"], { group: ["usr"] }))).toMatch(
      /^invalid-argument: data\.group: unknown column "usr"; available: .*; did you mean "user"\?$/,
    );
  });

  test("shows no key in messages about bad rows, unless keys are exposed", async () => {
    // Types are detected in the first 20,480 rows.
    const name = await file(`${table(20_480)}secret-7,1\n`);
    const message = (over: Partial<FileRows>) =>
      failureOf(read(name, ["id", "x"], { key: "id", testFraction: 1e-9, ...over }));
    expect(await message({})).toMatch(/row 20481: column id: not a number$/);
    expect(await message({ exposeKeys: true })).toMatch(/row 20481: column id: not a number \("secret-7"\)$/);
  });

  test("counts a row without a key as a bad training row", async () => {
    const name = await file("id,x\na,1\n,2\nb,3\n");
    const rows = await read(name, ["x"], { key: "id", testFraction: 1e-9, maxBadFraction: 0.5 });
    expect(rows.bad.examples).toEqual(["row 2: key id: missing"]);
    expect(numbers(rows, "x")).toEqual([1, 3]);
  });

  test("requires an existing key of a type with a portable text form", async () => {
    const name = await file("id,x\n1,1.5\n2,2.5\n");
    expect(await failureOf(read(name, ["x"], { key: "idd" }))).toBe(
      'invalid-argument: data.key: unknown column "idd"; available: id, x; did you mean "id"?',
    );
    expect(await failureOf(read(name, ["x"], { key: "x" }))).toBe(
      'invalid-argument: data.key: "x" has type DOUBLE; a key must be an integer, a string or a date',
    );
  });

  test("audits annotated training rows, and a small sample is a prefix of a larger one", async () => {
    const content = `id,x,z\n${Array.from({ length: 400 }, (_, i) => `${i},${i},${i % 3 === 0 ? i : ""}\n`).join("")}`;
    await opened(await file(content), { key: "id" }, async (source) => {
      const training = new Set(numbers(await source.trainingRows(["id"]), "id"));
      const large = await source.auditRows(["id"], ["z"], 60);
      expect(numbers(large, "z")).toEqual(numbers(large, "id"));
      for (const id of numbers(large, "id")) expect(training.has(id) && id % 3 === 0).toBe(true);
      expect(numbers(await source.auditRows(["id"], ["z"], 9), "id")).toEqual(numbers(large, "id").slice(0, 9));
      expect(await failureOf(source.auditRows(["id"], ["z"], 200))).toMatch(
        /failed-precondition: .*: 200 audited rows requested, but only \d+ training rows have values in all of z/,
      );
    });
  });

  test("samples training rows with their labels, all if there are fewer, and a small sample is a prefix", async () => {
    const content = `id,x,word\n${Array.from({ length: 400 }, (_, i) => `${i},${i},w${i}\n`).join("")}`;
    await opened(await file(content), { key: "id" }, async (source) => {
      const training = numbers(await source.trainingRows(["x"]), "x");
      const large = await source.sampleRows(["x"], ["word"], 60);
      for (const x of numbers(large, "x")) expect(training.includes(x)).toBe(true);
      const { codes, dictionary } = large.labels.word ?? { codes: [], dictionary: [] };
      expect(Array.from(codes, (code) => dictionary[code])).toEqual(numbers(large, "x").map((x) => `w${x}`));
      expect(dictionary).toHaveLength(60);
      expect(numbers(await source.sampleRows(["x"], [], 9), "x")).toEqual(numbers(large, "x").slice(0, 9));
      const all = numbers(await source.sampleRows(["x"], [], 5000), "x");
      expect([...all].sort((a, b) => a - b)).toEqual([...training].sort((a, b) => a - b));
    });
  });
});
