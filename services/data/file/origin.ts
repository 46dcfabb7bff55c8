import { inParallel } from "../../common/async/in-parallel.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { FileFormat, StoredSource } from "../../pipeline/pipeline.ts";
import type { DataAccess } from "../source/data-access.ts";
import { columnDifference } from "./column-difference.ts";
import { createStoreSecret, storeSecrets } from "./credentials.ts";
import { FILES_AT_A_TIME, openCsv } from "./csv.ts";
import { type Database, dataError, openDatabase } from "./database.ts";
import { attach, CATALOG, type DatabasePlace, readDatabaseUrl } from "./database-url.ts";
import { loadExtension, type RunSql } from "./extensions.ts";
import { detectFormat, explained } from "./file-format.ts";
import { listFiles, namedFormat, stampOf, versionOf } from "./file-list.ts";
import { escapedGlob, type FilePlace, locateFiles } from "./file-place.ts";
import { openJsonLines } from "./json-lines.ts";
import {
  checkedQuery,
  isReadable,
  isWhole,
  parquetRelation,
  queryRelation,
  type Relation,
  remoteQuery,
  textRelation,
  typedRelation,
} from "./relation.ts";
import { identifier, literal, sqlList } from "./sql.ts";
import { typedSqliteQuery } from "./sqlite-query.ts";

/** An opened source of rows. */
export interface Origin {
  /** Its name in messages. */
  readonly name: string;
  /** Whose SQL `data.query` is. */
  readonly sql: "duckdb" | DatabasePlace["kind"];
  readonly database: Database;
  readonly relation: Relation;
  /** Why row numbers do not identify rows: `a folder`; undefined if they do. */
  readonly growing?: string;
  /** Whether reads can fail because another machine does not answer. */
  readonly remote: boolean;
  /** The state of the files; undefined for one local file and for databases, of which a read is a snapshot. */
  version?(): Promise<string>;
  /**
   * The state of all files that rows come from, if they are all local; undefined for queries, which can depend on the time, and
   * for other stores, which tell it to the second.
   */
  stamp?(): Promise<string | undefined>;
  /** Converts an error of a read. */
  explain(error: unknown): Promise<UncoupleError>;
}

/** What precedes the path in messages. */
const SETTING = "data.path: ";

/**
 * Opens the rows of a pipeline through DuckDB, which can then read them and nothing else.
 * @param baseDir the folder that a relative path is relative to; @param memoryBytes as for `openDatabase`
 * @throws UncoupleError `not-found`, `invalid-argument` (unreadable files, a query that is not one SELECT),
 *   `failed-precondition` (a missing extension or credential), `unauthenticated`, `unavailable`
 */
export async function openOrigin(
  spec: StoredSource,
  baseDir: string,
  access: DataAccess | undefined,
  memoryBytes?: number,
): Promise<Origin> {
  if (spec.source === "database") return openTable(spec, baseDir, required(access), memoryBytes);
  const place = await locateFiles(spec.path, baseDir);
  if (place.many !== undefined) return openMany(spec, { ...place, many: place.many }, access, memoryBytes);
  return openOne(spec, place, access, memoryBytes);
}

function required(access: DataAccess | undefined): DataAccess {
  if (access !== undefined) return access;
  throw new UncoupleError("failed-precondition", "data: this command reads rows from local files only");
}

async function openTable(
  spec: Extract<StoredSource, { source: "database" }>,
  baseDir: string,
  { env }: DataAccess,
  memoryBytes: number | undefined,
): Promise<Origin> {
  const place = await readDatabaseUrl(spec.url, baseDir, env);
  const { name, kind, file } = place;
  const reach = {
    store: name,
    paths: file === undefined ? [] : [file],
    catalog: CATALOG,
    secrets: place.secrets,
    prepare: (run: RunSql) => attach(run, place, env),
  };
  const database = await openDatabase(reach, memoryBytes).catch((error: unknown) => {
    throw dataError(name, error);
  });
  const explain = async (error: unknown) => dataError(name, error);
  try {
    const sql = await tableSql(database, kind, spec);
    const relation = { ...(await typedRelation(database, sql)), reordering: "reads a database" };
    return { name, sql: kind, database, relation, growing: "a database", remote: kind !== "sqlite", explain };
  } catch (error) {
    await database.close();
    throw dataError(spec.query === undefined ? `data.table: ${name}` : `data.query: ${name}`, error);
  }
}

async function tableSql(
  database: Database,
  kind: DatabasePlace["kind"],
  { table = "", query }: Extract<StoredSource, { source: "database" }>,
): Promise<string> {
  if (query === undefined) return table.split(".").map(identifier).join(".");
  const source = (text: string) => remoteQuery(kind, CATALOG, text);
  const checked = checkedQuery(query);
  return kind === "sqlite" ? typedSqliteQuery(database, source, checked) : source(checked);
}

/** Opens the database of files. */
function openFiles(
  place: FilePlace,
  access: DataAccess | undefined,
  memoryBytes: number | undefined,
): Promise<Database> {
  const { path, store, many } = place;
  // DuckDB compares the pattern, too.
  const reach = many === undefined ? { paths: [path] } : { folders: [many.folder, escapedGlob(many.folder)] };
  if (store === "local") return openDatabase(reach, memoryBytes);
  const { env } = required(access);
  const prepare = async (run: RunSql) => {
    await loadExtension(run, "httpfs", `data.path: ${store}://`, env);
    const authority = (store === "s3" && env.AWS_CA_BUNDLE) || env.SSL_CERT_FILE || undefined;
    // The extension copies them from the environment of this process, and any query can read settings.
    for (const name of ["access_key_id", "secret_access_key", "session_token"]) await run(`SET GLOBAL s3_${name} = ''`);
    await run("SET GLOBAL enable_server_cert_verification = true");
    if (authority !== undefined) await run(`SET GLOBAL ca_cert_file = ${literal(authority)}`);
    if (store !== "https") await createStoreSecret(run, store, env);
  };
  return openDatabase({ ...reach, store: path, secrets: storeSecrets(env), prepare }, memoryBytes);
}

async function openOne(
  spec: Extract<StoredSource, { source: "file" }>,
  place: FilePlace,
  access: DataAccess | undefined,
  memoryBytes: number | undefined,
): Promise<Origin> {
  const { path, store } = place;
  requireLocalQuery(spec, store);
  const local = store === "local";
  const named = spec.format ?? (local ? undefined : namedFormat(path));
  if (named === undefined && !local) {
    const folder = store === "https" ? "" : ", or end the path with a slash if it is a folder";
    const message = `${SETTING}${path}: set data.format, which the name does not tell${folder}`;
    throw new UncoupleError("invalid-argument", message);
  }
  const format = named ?? (await detectFormat(path, SETTING));
  const explain = async (error: unknown) => (local ? explained(path, error) : dataError(path, error));
  const database = await openFiles(place, access, memoryBytes).catch(async (error: unknown) => {
    throw await explain(error);
  });
  try {
    const rows = await rowsOf(database, format, [path], path);
    const relation = await queried(database, spec.query, rows);
    const version = () => versionOf(database, [path]);
    const stamp = async () => stampOf([path]);
    const isStamped = local && spec.query === undefined;
    return {
      name: path,
      sql: "duckdb",
      database,
      relation,
      remote: !local,
      explain,
      ...(local ? isStamped && { stamp } : { version }),
    };
  } catch (error) {
    await database.close();
    throw await explain(error);
  }
}

/** A URL in a query could name another endpoint, or leave the folder through dots. */
function requireLocalQuery({ query }: StoredSource, store: FilePlace["store"]): void {
  if (store === "local" || query?.includes("://") !== true) return;
  throw new UncoupleError(
    "invalid-argument",
    "data.query: must not have URLs; the files of data.path are the table source",
  );
}

/** The view of all files as they are now. */
const FILES = '"rows of files"';

async function openMany(
  spec: Extract<StoredSource, { source: "file" }>,
  place: FilePlace & Required<Pick<FilePlace, "many">>,
  access: DataAccess | undefined,
  memoryBytes: number | undefined,
): Promise<Origin> {
  const { path, store } = place;
  requireLocalQuery(spec, store);
  const explain = async (error: unknown) => dataError(path, error);
  const database = await openFiles(place, access, memoryBytes).catch((error: unknown) => {
    throw dataError(path, error);
  });
  try {
    const first = await listFiles(database, place, spec.format);
    const rows = await rowsOf(database, first.format, first.paths, path);
    let current: string | undefined;
    const version = async () => {
      const list = await listFiles(database, place, spec.format);
      if (list.version === current) return current;
      await rows.check(list.paths);
      await database.rows(`CREATE OR REPLACE VIEW ${FILES} AS SELECT * FROM ${rows.sql(list.paths)}`);
      current = list.version;
      return current;
    };
    await version();
    const { columns } = rows.relation;
    const view = { relation: { sql: FILES, columns }, typedSql: rows.viewSql(FILES) };
    const relation = await queried(database, spec.query, view);
    const growing = place.many.isFolder ? "a folder" : "a glob";
    const remote = store !== "local";
    const stamp = async () => stampOf((await listFiles(database, place, spec.format)).paths);
    const isStamped = !remote && spec.query === undefined;
    return {
      name: path,
      sql: "duckdb",
      database,
      relation,
      growing,
      remote,
      version,
      explain,
      ...(isStamped && { stamp }),
    };
  } catch (error) {
    await database.close();
    throw dataError(path, error);
  }
}

/** Files of one format. */
interface FileRelation {
  readonly relation: Relation;
  /** What `source` is in a user's query. */
  readonly typedSql: string;
  /** A table expression for other files of the same form. */
  sql(files: readonly string[]): string;
  /** What `source` is over a table expression of such files. */
  viewSql(from: string): string;
  /** @throws UncoupleError `failed-precondition` if files differ in their columns */
  check(files: readonly string[]): Promise<void>;
}

async function rowsOf(
  database: Database,
  format: FileFormat,
  files: readonly string[],
  path: string,
): Promise<FileRelation> {
  if (format === "parquet") {
    const relation = await parquetRelation(database, files);
    const sql = (paths: readonly string[]) => `read_parquet(${sqlList(paths)})`;
    return {
      relation,
      typedSql: relation.sql,
      sql,
      viewSql: (from) => from,
      check: (paths) => checkParquet(database, paths),
    };
  }
  const reader = await (format === "csv"
    ? openCsv(database, files, path, SETTING)
    : openJsonLines(database, files, path));
  const relation = await textRelation(database, reader, files);
  return {
    relation,
    typedSql: reader.typedSql(relation.sql),
    sql: (paths) => reader.sql(paths),
    viewSql: (from) => reader.typedSql(from),
    check: (paths) => reader.checkColumns(paths),
  };
}

/**
 * Parquet's columns are read by name, with the types of the first file: those that only later files have would be ignored, and
 * numbers rounded where the first file has integers.
 */
async function checkParquet(database: Database, files: readonly string[]): Promise<void> {
  const described = await inParallel(files, FILES_AT_A_TIME, async (file) => {
    const columns = await database.rows(
      `DESCRIBE SELECT * FROM read_parquet(${sqlList([file])}, hive_types_autocast = false)`,
    );
    return { file, columns: columns.map(([name, type]) => `${String(name)}${shownType(String(type))}`).sort() };
  });
  const [first] = described;
  const other = described.find(({ columns }) => JSON.stringify(columns) !== JSON.stringify(first?.columns));
  if (other === undefined || first === undefined) return;
  const difference = columnDifference(other.columns, first.columns);
  throw new UncoupleError(
    "failed-precondition",
    `${other.file} has other columns than ${first.file}: ${difference}; all files must have the same`,
  );
}

/** Types that are read alike look alike, and types that are not read are not compared. */
function shownType(type: string): string {
  if (isWhole(type)) return " (integer)";
  if (/^(FLOAT|DOUBLE)$/.test(type)) return " (number)";
  return isReadable(type) ? ` (${type})` : "";
}

async function queried(
  database: Database,
  query: string | undefined,
  { relation, typedSql }: Pick<FileRelation, "relation" | "typedSql">,
): Promise<Relation> {
  if (query === undefined) return relation;
  const { checkFile } = relation;
  return { ...(await queryRelation(database, query, typedSql)), ...(checkFile !== undefined && { checkFile }) };
}
