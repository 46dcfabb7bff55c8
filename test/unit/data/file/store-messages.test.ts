import { describe, expect, test } from "vitest";
import { duckdbMessage } from "../../../../services/data/file/database.ts";
import { storeFault } from "../../../../services/data/file/outage.ts";

/** Messages of DuckDB 1.5.5, as they were seen. */
describe("what a store says", () => {
  test.each([
    [
      'IO Error: Unable to connect to Postgres at "application_name=uncouple connect_timeout=10": connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "odd"\n',
      "unauthenticated",
      'connection to server at "127.0.0.1", port 5432 failed: FATAL: password authentication failed for user "odd"',
    ],
    [
      'IO Error: Unable to connect to Postgres at "application_name=uncouple": connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied\n',
      "unauthenticated",
      'connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied',
    ],
    [
      "IO Error: Failed to connect to MySQL database with parameters \"\": Can't connect to server on '127.0.0.1' (115).",
      "unavailable",
      "Can't connect to server on '127.0.0.1' (115).",
    ],
    [
      'Catalog Error: Table with name nope does not exist!\nDid you mean "pg_enum"?\n\nLINE 1: DESCRIBE',
      undefined,
      "Table with name nope does not exist!",
    ],
    [
      'Catalog Error: Table with name clicks does not exist!\nDid you mean "marketing.clicks"?',
      undefined,
      'Table with name clicks does not exist! Did you mean "marketing.clicks"?',
    ],
    [
      'Mismatch Type Error: Invalid type in column "x": column was declared as integer, found "word" of type "text" instead.\n* SET sqlite_all_varchar=true to load all columns as VARCHAR and skip type conversions',
      undefined,
      'Invalid type in column "x": column was declared as integer, found "word" of type "text" instead.',
    ],
    [
      "Invalid Input Error: json_read expected records, but got non-record JSON instead.\n Try setting records='auto' or records='false'.",
      undefined,
      "json_read expected records, but got non-record JSON instead.",
    ],
    ["IO Error: Failure when receiving data from the peer", "unavailable", "Failure when receiving data from the peer"],
    [
      "HTTP Error: HTTP GET error reading 'https://store/a.csv' in region 'eu' (HTTP 400 Bad Request)",
      "unauthenticated",
      "HTTP GET error reading 'https://store/a.csv' in region 'eu' (HTTP 400 Bad Request)",
    ],
  ])("%s", (text, code, says) => {
    expect(storeFault(text)).toBe(code);
    expect(duckdbMessage(new Error(text))).toBe(says);
  });
});
