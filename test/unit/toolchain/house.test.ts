import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHouse } from "../../helpers/house/check-house.ts";
import { BANS, RESTRICTIONS, ROOMS } from "../../helpers/house/rules.ts";

const root = resolve(import.meta.dirname, "../../..");

/** A folder for planted files. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-house-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What is wrong with a tree of nothing but these files. @param files by path under services/ */
async function violationsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await rm(join(folder, "services"), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, "services", path)), { recursive: true });
    await writeFile(join(folder, "services", path), text);
  }
  return checkHouse(folder);
}

test("the sources keep the rules of the house", async () => {
  expect(await checkHouse(root)).toEqual([]);
});

describe("ARCHITECTURE.md", () => {
  test("lists every room with what it may import", async () => {
    const text = await readFile(join(root, "ARCHITECTURE.md"), "utf8");
    const rows = [...text.matchAll(/^\| `services\/(\w+)\/` \|.*\| ([^|]*) \|$/gm)].map(([, room, imports]) => [
      room,
      imports === "nothing" ? [] : (imports as string).split(", "),
    ]);
    expect(Object.fromEntries(rows)).toEqual(ROOMS);
  });

  test("names the folders that there are, and no others", async () => {
    const entries = await readdir(join(root, "services"), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(Object.keys(ROOMS).sort()).toEqual(folders.sort());
  });
});

describe("the import rule", () => {
  test("points down: the rooms themselves form no circle", () => {
    const seen: string[] = [];
    for (const [room, imports] of Object.entries(ROOMS)) {
      expect(seen, room).toEqual(expect.arrayContaining([...imports]));
      seen.push(room);
    }
  });

  test("refuses each import between rooms that is not allowed, from any depth and in any form, and admits the others", async () => {
    const files: Record<string, string> = {};
    const refused: string[] = [];
    for (const from of Object.keys(ROOMS)) {
      for (const to of Object.keys(ROOMS)) {
        if (from === to) continue;
        const planted = {
          [`${from}/to-${to}.ts`]: `export { a } from "../${to}/a.ts";\n`,
          [`${from}/deep/to-${to}.ts`]: `import type { A } from "../../${to}/deep/a.ts";\nexport type B = A;\n`,
          [`${from}/lazy-${to}.ts`]: `export const a = await import("../${to}/a.ts");\n`,
          [`${from}/type-${to}.ts`]: `export type B = import("../${to}/a.ts").A;\n`,
          [`${from}/thread-${to}.ts`]: `export const url = new URL("../${to}/a.ts", import.meta.url);\n`,
        };
        Object.assign(files, planted);
        if (ROOMS[from]?.includes(to) !== true) refused.push(...Object.keys(planted));
      }
      files[`${from}/deep/own.ts`] = 'export { a } from "../a.ts";\nexport { b } from "./b.ts";\n';
    }
    const violations = await violationsOf(files);
    expect(violations.map((line) => (line.split(":")[0] as string).slice("services/".length)).sort()).toEqual(
      refused.sort(),
    );
    expect(violations).toContain(
      "services/common/to-cli.ts:1: imports ../cli/a.ts: services/common may import nothing else under services/",
    );
  });

  test("keeps tests out of services", async () => {
    expect(await violationsOf({ "trainer/helped.ts": 'export { a } from "../../test/helpers/a.ts";\n' })).toEqual([
      "services/trainer/helped.ts:1: imports ../../test/helpers/a.ts: services/ never imports from test/",
    ]);
  });
});

const INSTALLER = "../stack/install-nats-server.ts";
/** A module that each restriction is about. */
const EXAMPLES: readonly string[] = [
  "@tensorflow/tfjs-core/dist/tensor.js",
  "onnxruntime-node",
  "nats/lib/nats-base-client/types.js",
  "tar-stream",
  "@grpc/grpc-js",
  "@duckdb/node-api",
  "vega-lite",
  "node:timers/promises",
  "../common/clock/system-clock.ts",
  "node:process",
  "node:fs/promises",
];

describe("restricted modules", () => {
  test("every restriction has an example here", () => {
    for (const { modules } of RESTRICTIONS)
      expect([...EXAMPLES, INSTALLER].some((name) => modules.test(name))).toBe(true);
  });

  test.each(EXAMPLES)("%s is imported in its places only", async (name) => {
    const restriction = RESTRICTIONS.find(({ modules }) => modules.test(name));
    const allowed = restriction?.allowed ?? [];
    const places = [...Object.keys(ROOMS).map((room) => `${room}/planted.ts`), "registry/jetstream/planted.ts"];
    const files = Object.fromEntries(places.map((path) => [path, `import a from "${name}";\nexport { a };\n`]));
    const violations = await violationsOf(files);
    const expected = places.filter((path) => !allowed.some((place) => path.startsWith(place)));
    expect(violations.map((line) => (line.split(":")[0] as string).slice("services/".length)).sort()).toEqual(
      expected.sort(),
    );
    for (const line of violations) expect(line).toContain(restriction?.reason);
  });

  test("only the demo may install software", async () => {
    const text = `export { install } from "${INSTALLER}";\n`;
    const violations = await violationsOf({
      "cli/stack/install-nats-server.ts": "export const install = () => {};\n",
      "cli/commands/demo.ts": text,
      "cli/commands/up.ts": text,
    });
    expect(violations).toEqual([
      `services/cli/commands/up.ts:1: imports ${INSTALLER}: only the demo may install software; services and \`uncouple up\` never do`,
    ]);
  });

  test("an entry point hands out the system clock, wherever it is", async () => {
    const text = 'export { systemClock } from "SYSTEM";\n';
    const violations = await violationsOf({
      "common/clock/system-clock.ts": "export const systemClock = { now: () => Date.now() };\n",
      "cli/main.ts": text.replace("SYSTEM", "../common/clock/system-clock.ts"),
      "engine/onnx/probe/main.ts": text.replace("SYSTEM", "../../../common/clock/system-clock.ts"),
      "engine/onnx/domain.ts": text.replace("SYSTEM", "../../common/clock/system-clock.ts"),
    });
    expect(violations).toEqual([
      "services/engine/onnx/domain.ts:1: imports ../../common/clock/system-clock.ts: entry points hand out the system clock; take a Clock",
    ]);
  });
});

/** Every way to use a banned name. */
const USES: readonly (readonly [name: string, text: string])[] = [
  ["process", "export const pid = process.pid;\n"],
  ["globalThis", "export const pid = globalThis.process.pid;\n"],
  ["global", "export const pid = global.process.pid;\n"],
  ["setTimeout", "setTimeout(() => {}, 1);\n"],
  ["setInterval", "export const start = setInterval;\n"],
  ["setImmediate", "setImmediate(() => {});\n"],
  ["performance", "export const elapsed = performance.now();\n"],
  ["Date.now", "export const now = Date.now();\n"],
  ["new Date", "export const now = new Date();\n"],
  ["Date()", "export const now = Date();\n"],
  ["process.hrtime", "export const ticks = process.hrtime.bigint();\n"],
  ["AbortSignal.timeout", "export const signal = AbortSignal.timeout(1);\n"],
  ...[
    ...["exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh"],
    ...["tanh", "asinh", "acosh", "atanh", "cbrt"],
  ].map((name) => [`Math.${name}`, `export const all = (x: number[]) => x.map(Math.${name});\n`] as const),
  ...["atan2", "pow", "hypot"].map(
    (name) => [`Math.${name}`, `export const of = (x: number) => Math.${name}(x, 2);\n`] as const,
  ),
  ["**", "export const of = (x: number) => x ** 2;\n"],
];

describe("banned names", () => {
  test("every ban has a use here", () => {
    const used = new Set(USES.map(([name]) => name));
    for (const name of BANS.flatMap(({ names }) => names)) expect(used).toContain(name);
  });

  test.each(USES)("%s is refused, but in its places", async (name, text) => {
    for (const place of BANS.find(({ names }) => names.includes(name))?.allowed ?? []) {
      const path = place.endsWith("/") ? `${place}planted.ts` : place.startsWith("/") ? `trainer${place}` : place;
      const violations = await violationsOf({ [path]: text });
      expect(violations.filter((line) => line.includes(`: uses ${name}: `))).toEqual([]);
    }
    const violations = await violationsOf({ "trainer/planted.ts": text });
    expect(violations.filter((line) => line.includes(`:1: uses ${name}: `))).toHaveLength(1);
  });

  test("a date that is given its time is nobody's clock", async () => {
    const text = "export const at = (ms: number) => new Date(ms).toISOString();\n";
    expect(await violationsOf({ "trainer/stamp.ts": text })).toEqual([]);
  });

  test("a power of two written-out numbers is a constant", async () => {
    const text = "export const [bytes, least] = [4 * 2 ** 20, 2 ** -126];\n";
    expect(await violationsOf({ "trainer/powers.ts": text })).toEqual([]);
  });

  test("a name of the file's own is nobody else's", async () => {
    const text = "export function run({ process }: { process: { pid: number } }): number {\n  return process.pid;\n}\n";
    expect(await violationsOf({ "trainer/own.ts": text })).toEqual([]);
  });
});

describe("circles", () => {
  test("of files are refused, also through types and dynamic imports", async () => {
    const violations = await violationsOf({
      "data/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;\n',
      "data/b.ts": 'export type B = import("./c.ts").C;\n',
      "data/c.ts": 'export type C = string;\nexport const a = () => import("./a.ts");\n',
      "data/d.ts": 'export type { A } from "./a.ts";\n',
    });
    expect(violations).toEqual([
      "files depend on each other: services/data/a.ts, services/data/b.ts, services/data/c.ts",
    ]);
  });

  test("of folders are refused, also between a folder and one inside it", async () => {
    const violations = await violationsOf({
      "data/a.ts": 'export { b } from "./inner/b.ts";\n',
      "data/c.ts": "export const c = 1;\n",
      "data/inner/b.ts": 'export { c as b } from "../c.ts";\n',
    });
    expect(violations).toEqual(["folders depend on each other: services/data, services/data/inner"]);
  });
});
