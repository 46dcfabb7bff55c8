import { CSV, fromFile } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** With data files and queries. */
export const wrongData: readonly WrongCommand[] = [
  {
    what: "a missing data file",
    files: { "bad.yaml": fromFile("").replace("rows.csv", "nowhere.csv") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.path: file not found or not readable: HERE/nowhere.csv",
  },
  {
    what: "an empty data file",
    files: { "bad.yaml": fromFile(""), "rows.csv": "" },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.path: HERE/rows.csv is empty",
  },
  {
    what: "a data folder without a key",
    files: { "bad.yaml": fromFile("").replace("rows.csv", ".") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.path: a folder can grow, so row numbers cannot determine the held-out rows; set data.key to a column that identifies rows",
  },
  {
    what: "a data folder without files of the format",
    files: { "bad.yaml": fromFile(", format: parquet, key: x").replace("rows.csv", ".") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.path: HERE has no files of format parquet",
  },
  {
    what: "a database without its URL",
    files: {
      "bad.yaml": fromFile("").replace(
        /\{ source: file.*/,
        "{ source: database, url_env: NO_SUCH_DB, table: rows, key: x }",
      ),
    },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.url_env: the environment variable NO_SUCH_DB is not set; it must have the URL of the database",
  },
  {
    what: "invalid SQL",
    files: { "bad.yaml": fromFile(', query: "SELEKT x FROM source"') },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:2: data.query: invalid SQL: syntax error at or near "SELEKT": "SELEKT x FROM source"',
  },
  {
    what: "SQL that changes data",
    files: { "bad.yaml": fromFile(', query: "DROP TABLE source"') },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:2: data.query: must be a SELECT statement, which only reads data: "DROP TABLE source"',
  },
  {
    what: "SQL that writes a file",
    files: { "bad.yaml": fromFile(", query: \"COPY (SELECT 1) TO 'rows.csv'\"") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.query: must be a SELECT statement, which only reads data: \"COPY (SELECT 1) TO 'rows.csv'\"",
  },
  {
    what: "SQL over an unknown column",
    files: { "bad.yaml": fromFile(', query: "SELECT q AS x, y FROM source"') },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:2: data.query: Referenced column "q" not found in FROM clause! Candidate bindings: "word"',
  },
  {
    what: "a ragged data file",
    files: { "bad.yaml": fromFile(""), "rows.csv": CSV.replaceAll(/^(\d*[05]),/gm, "$1,7,7,") },
    run: "trainer --pipeline bad.yaml --team m1.yaml --nats NATS --port 0 --metrics-port 0",
    exit: 5,
    says: "uncouple: HERE/rows.csv: 12 of 52 training rows (23 %) are bad, more than max_bad_fraction (0.01) allows: line 2: Expected Number of Columns: 3 Found: 4; line 7: Expected Number of Columns: 3 Found: 4; line 12: Expected Number of Columns: 3 Found: 4; line 17: Expected Number of Columns: 3 Found: 4; line 22: Expected Number of Columns: 3 Found: 4; ...",
  },
  {
    what: "a target of the wrong type",
    files: { "bad.yaml": fromFile("").replace("target: y", "target: word") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:4: components.m1.target: mse requires a numeric target, but "word" is categorical',
  },
  {
    what: "too many NaN rows",
    files: { "bad.yaml": fromFile(""), "rows.csv": CSV.replaceAll(/^\d*[05],/gm, "nan,") },
    run: "trainer --pipeline bad.yaml --team m1.yaml --nats NATS --port 0 --metrics-port 0",
    exit: 5,
    says: 'uncouple: HERE/rows.csv: 9 of 49 training rows (18 %) are bad, more than max_bad_fraction (0.01) allows: row 1: column x: not a finite number ("nan"); row 11: column x: not a finite number ("nan"); row 16: column x: not a finite number ("nan"); row 21: column x: not a finite number ("nan"); row 26: column x: not a finite number ("nan"); ...',
  },
  {
    what: "a model that is not there",
    run: "inspect nothing.onnx",
    exit: 2,
    says: "uncouple: nothing.onnx cannot be read: no such file",
  },
  {
    what: "a component without its pipeline file",
    run: "inspect m1.yaml --component m1",
    exit: 2,
    says: "uncouple: --pipeline-file and --component belong together; add --pipeline-file",
  },
  {
    what: "a pipeline file without a component",
    run: "inspect m1.yaml --pipeline-file pipeline.yaml",
    exit: 2,
    says: "uncouple: --pipeline-file and --component belong together; add --component",
  },
  {
    what: "a component that the pipeline file of a model does not have",
    run: "inspect m1.yaml --pipeline-file pipeline.yaml --component m9",
    exit: 3,
    says: 'uncouple: pipeline "paper" has no component "m9"; available: m1, m2; did you mean "m1"?',
  },
];
