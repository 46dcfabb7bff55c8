import { describe, expect, test } from "vitest";
import { parseDatabaseUrl, readDatabaseUrl } from "../../../../services/data/file/database-url.ts";
import { checkedQuery, remoteQuery } from "../../../../services/data/file/relation.ts";

const parse = (text: string) => parseDatabaseUrl(text, "ADS_DB", "/base");

describe("the URL of a database", () => {
  test("has a login and options of the driver", () => {
    const place = parse("postgres://me:p%40ss%2Fword@db.example:6432/ads?sslmode=verify-full&sslrootcert=/etc/ca.pem");
    expect(place).toMatchObject({ kind: "postgres", name: "ADS_DB (postgres)" });
    expect(place.login).toEqual({
      TYPE: "postgres",
      HOST: "db.example",
      PORT: "6432",
      DATABASE: "ads",
      USER: "me",
      PASSWORD: "p@ss/word",
    });
    expect(place.options).toEqual(
      expect.arrayContaining(["sslmode=verify-full", "sslrootcert=/etc/ca.pem", "connect_timeout=10"]),
    );
    expect(place.secrets).toEqual(expect.arrayContaining(["p@ss/word", "p%40ss%2Fword"]));
    expect(parse("mariadb://me@[::1]/ads").login).toMatchObject({ TYPE: "mysql", HOST: "::1", PASSWORD: undefined });
  });

  test("can be a file", () => {
    expect(parse("sqlite:rows.db").file).toBe("/base/rows.db");
    expect(parse("sqlite:/data/rows.db").file).toBe("/data/rows.db");
    expect(parse("sqlite:///data/rows%20a.db").file).toBe("/data/rows a.db");
  });

  test.each([
    [
      "",
      "must have a URL like postgres://USER:PASSWORD@HOST:5432/DATABASE, mysql://USER:PASSWORD@HOST:3306/DATABASE or sqlite:FILE, with special characters of names and passwords as %40 for @ and so on",
    ],
    ["oracle://me:canary@host/ads", "must have a URL like postgres://"],
    ["host=db password=canary", "must have a URL like postgres://"],
    ["postgres://me:canary@host", "must have a URL with a host and a database"],
    ["postgres:///ads", "must have a URL with a host and a database"],
    [
      "postgres://me:canary@host/ads?passfile=x",
      "has a URL with an unknown option; available: application_name, channel_binding",
    ],
    [
      "postgres://me:canary@host/ads?sslmode=a'b",
      "has a URL whose option sslmode has other characters than a-z, 0-9 and ./:=@+-_",
    ],
  ])("is refused without showing it: %s", (text, says) => {
    let message = "";
    try {
      parse(text);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(`UncoupleError: ADS_DB ${says}`);
    expect(message).not.toContain("canary");
  });

  test("is looked for where the pipeline file says", async () => {
    await expect(readDatabaseUrl({ env: "ADS_DB" }, "/base", {})).rejects.toThrow(
      "data.url_env: the environment variable ADS_DB is not set; it must have the URL of the database",
    );
    await expect(readDatabaseUrl({ file: "nowhere" }, "/base", {})).rejects.toThrow(
      "data.url_file: file not found or not readable: /base/nowhere",
    );
  });
});

describe("a query that a database runs", () => {
  test.each(["SELECT 1", "  (SELECT 1)", "with a as (select 1) select * from a;", "VALUES (1)"])("%s", (query) => {
    expect(checkedQuery(query)).toBe(query.replace(";", ""));
  });

  test.each([
    ["", "must be a SELECT statement"],
    ["DELETE FROM clicks", "must be a SELECT statement"],
    ["COPY a TO 'b'", "must be a SELECT statement"],
    ["SELECTED", "must be a SELECT statement"],
    ["SELECT 1; DROP TABLE a", "must be a single statement, without semicolons"],
  ])("not %s", (query, says) => {
    expect(() => checkedQuery(query)).toThrow(`data.query: ${says}`);
  });

  test("is a literal", () => {
    expect(remoteQuery("mysql", "origin", "SELECT 'a''b'")).toBe("mysql_query('origin', 'SELECT ''a''''b''')");
  });
});
