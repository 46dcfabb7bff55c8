import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type CuttableLink, openLink } from "../helpers/cuttable-link.ts";
import { numbers } from "../helpers/data-files.ts";
import { startMariadb } from "../helpers/sources/mariadb-server.ts";
import { startPostgres, type TestDatabase } from "../helpers/sources/postgres-server.ts";
import { accessWith, failureOf, type Place, reading } from "../helpers/sources/reading.ts";
import { startS3, type TestStore } from "../helpers/sources/s3-server.ts";

/** Enough bytes that a connection can be cut in the middle of them: about 12 MB. */
const ROWS = 30_000;
/** Twelve expressions that differ, because the protocols compress. */
const parts = (sql: string) => Array.from({ length: 12 }, (_, i) => sql.replace("%", `${i}`)).join(", ");

let folder: string;
let postgres: TestDatabase;
let mariadb: TestDatabase;
let s3: TestStore;

/** Files of which none is read at once: random hexadecimal digits are not compressible. */
async function writeParts(name: string, parts: number, format: string): Promise<string[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  const files: string[] = [];
  for (let part = 0; part < parts; part += 1) {
    const file = join(folder, `${name}-${part}.${format}`);
    const rows = ROWS / parts;
    await connection.run(
      `COPY (SELECT i AS id, i * 2 AS x, string_agg(md5(i || '/' || k), '' ORDER BY k) AS pad FROM range(${part * rows}, ${(part + 1) * rows}) t(i), range(12) s(k) GROUP BY i ORDER BY i) TO '${file}' (FORMAT ${format})`,
    );
    files.push(file);
  }
  connection.disconnectSync();
  return files;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outages-"));
  [postgres, mariadb, s3] = await Promise.all([startPostgres(), startMariadb(), startS3()]);
  await postgres.sql(
    `CREATE TABLE clicks AS SELECT i AS id, i * 2 AS x, concat(${parts("md5(i || '-%')")}) AS pad FROM generate_series(0, ${ROWS - 1}) i`,
  );
  await mariadb.sql(
    `CREATE TABLE clicks AS SELECT seq AS id, seq * 2 AS x, concat(${parts("md5(concat(seq, '-%'))")}) AS pad FROM seq_0_to_${ROWS - 1}`,
  );
  for (const [index, file] of (await writeParts("part", 3, "parquet")).entries())
    await s3.put(file, `ads/clicks/${index}.parquet`);
  for (const file of await writeParts("all", 1, "csv")) await s3.put(file, "ads/all.csv");
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), mariadb?.stop(), s3?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

let links: CuttableLink[] = [];
beforeEach(() => {
  links = [];
});
afterEach(() => Promise.all(links.map((link) => link.close())));

interface Cuttable {
  readonly link: CuttableLink;
  readonly place: Place;
  readonly env: Readonly<Record<string, string>>;
}

async function before(server: { readonly port: number }): Promise<CuttableLink> {
  const link = await openLink(server.port);
  links.push(link);
  return link;
}

const stores: readonly (readonly [string, () => Promise<Cuttable>])[] = [
  [
    "PostgreSQL, a table",
    async () => {
      const link = await before(postgres);
      return {
        link,
        place: { url: { env: "DB" }, table: "clicks" },
        env: { DB: postgres.url(undefined, undefined, link.port) },
      };
    },
  ],
  [
    "PostgreSQL, a query",
    async () => {
      const link = await before(postgres);
      const place = { url: { env: "DB" }, query: "SELECT * FROM clicks" };
      return { link, place, env: { DB: postgres.url(undefined, undefined, link.port) } };
    },
  ],
  [
    "MariaDB, a table",
    async () => {
      const link = await before(mariadb);
      return {
        link,
        place: { url: { env: "DB" }, table: "clicks" },
        env: { DB: mariadb.url(undefined, undefined, link.port) },
      };
    },
  ],
  [
    "S3, a folder of Parquet",
    async () => {
      const link = await before(s3);
      return { link, place: { path: "s3://ads/clicks/" }, env: s3.env(link.port) };
    },
  ],
  [
    "S3, a CSV file",
    async () => {
      const link = await before(s3);
      return { link, place: { path: "s3://ads/all.csv" }, env: s3.env(link.port) };
    },
  ],
];

/** A clock on which waiting takes no time, but counts. */
function hastyClock(): Clock {
  let waited = 0;
  return {
    ...systemClock,
    elapsed: () => systemClock.elapsed() + waited,
    sleep: async (ms) => {
      waited += ms;
      await sleep(1);
    },
  };
}

describe.each(stores)("%s", (_name, open) => {
  test("cut in the middle of a read, is read again from the beginning: no row is lost or doubled", async () => {
    const { link, place, env } = await open();
    const access = accessWith(env);
    await reading(place, access, async (source) => {
      for (const megabytes of [1, 3, 6]) {
        const cutsBefore = access.warnings.length;
        link.cutAfter(megabytes * 1_000_000);
        const rows = await source.trainingRows(["id", "x", "pad"]);
        const ids = numbers(rows, "id");
        const held = await source.heldOutRows(["id"]);
        const all = [...ids, ...numbers(held, "id")].sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: ROWS }, (_, id) => id));
        expect(numbers(rows, "x")).toEqual(ids.map((id) => 2 * id));
        // DuckDB repeats single requests of S3 itself.
        if (!("path" in place)) expect(access.warnings.length).toBeGreaterThan(cutsBefore);
      }
      for (const warning of access.warnings) expect(warning).toMatch(/; reading again from the beginning$/);
    });
  });

  test("down for good in the middle of a read, ends as unavailable after bounded tries, and works again later", async () => {
    const { link, place, env } = await open();
    const access = accessWith(env, hastyClock());
    await reading(place, access, async (source) => {
      link.throttle(4_000_000);
      const read = failureOf(source.trainingRows(["id", "x", "pad"]));
      await sleep(700);
      link.cut();
      expect(await read).toMatch(/^unavailable: /);
      expect(access.warnings.length).toBeGreaterThan(5);
      expect(access.warnings.length).toBeLessThan(40);
      link.mend();
      expect((await source.trainingRows(["id"])).table.rows).toBeGreaterThan(ROWS / 2);
    });
  });

  test("down from the start, cannot be opened", async () => {
    const { link, place, env } = await open();
    link.cut();
    expect(await failureOf(reading(place, accessWith(env), async () => {}))).toMatch(/^unavailable: /);
  });
});

describe("rows that change while they are read", () => {
  test("PostgreSQL: a read is one snapshot", async () => {
    await postgres.sql("CREATE TABLE moving AS SELECT i AS id, 0 AS x FROM generate_series(1, 20000) i");
    let stopped = false;
    const writer = (async () => {
      // Every transaction keeps the sum of x at zero.
      while (!stopped)
        await postgres.sql(
          "BEGIN; UPDATE moving SET x = x + 1 WHERE id % 2 = 0; UPDATE moving SET x = x - 1 WHERE id % 2 = 1; COMMIT",
        );
    })();
    try {
      const place = { url: { env: "DB" }, table: "moving" } as const;
      await reading(place, accessWith({ DB: postgres.url() }), async (source) => {
        for (let i = 0; i < 5; i += 1) {
          const rows = await source.trainingRows(["id", "x"]);
          const x = new Set(numbers(rows, "x"));
          expect(x.size).toBeLessThanOrEqual(2);
          expect([...x].reduce((sum, value) => sum + value, 0)).toBe(0);
        }
      });
    } finally {
      stopped = true;
      await writer;
    }
  });

  test("S3: a file that is replaced meanwhile is noticed, and read again", async () => {
    const [first = "", second = ""] = await writeParts("moving", 2, "parquet");
    await s3.put(first, "ads/moving/0.parquet");
    await s3.put(second, "ads/moving/1.parquet");
    const access = accessWith(s3.env());
    await reading({ path: "s3://ads/moving/" }, access, async (source) => {
      let stopped = false;
      const writer = (async () => {
        for (let i = 0; !stopped; i += 1) {
          await s3.put(i % 2 === 0 ? first : second, "ads/moving/1.parquet");
          // Long enough for a read in between.
          await sleep(1_500);
        }
      })();
      const counts = new Set<number>();
      for (let i = 0; i < 100 && !access.warnings.some((warning) => /changed while/.test(warning)); i += 1) {
        const ids = numbers(await source.trainingRows(["id", "pad"]), "id");
        counts.add(ids.length - new Set(ids).size);
      }
      stopped = true;
      await writer;
      expect(access.warnings.join("\n")).toMatch(/the files changed while they were read; reading again/);
      // Every read is of one state: either each row is there twice, or none is.
      expect([...counts].every((doubled) => doubled === 0 || doubled > 10_000)).toBe(true);
    });
  });
});
