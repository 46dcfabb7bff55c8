import { fromFile, TEAM } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

const sampling = (sample: string) => ({ "bad.yaml": `component: m1\n${TEAM}sample: ${sample}\n` });
const ofTable = (sample: string, data = ", key: x") => ({
  ...sampling(sample),
  "table.yaml": fromFile(data, "[x, word]"),
});

/** With samples of training rows. */
export const wrongSamples: readonly WrongCommand[] = [
  {
    what: "a sample that keeps everything",
    files: sampling("{}"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample: must have at least one of rows, distinct, at_most, near_duplicates",
  },
  {
    what: "a sample of no rows",
    files: sampling("{ rows: 0 }"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample.rows: must be at least 1, not 0",
  },
  {
    what: "a sample chosen in an unknown way",
    files: sampling("{ rows: 10, by: distinct }"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample.by: must be key or { stratified: COLUMN }; distinct, at_most and near_duplicates are keys of sample",
  },
  {
    what: "a stratified sample without a number of rows",
    files: sampling("{ distinct: true, by: { stratified: word } }"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample.by: says which rows to keep, so it needs rows, the number of them",
  },
  {
    what: "a limit per value without a column",
    files: sampling("{ at_most: { rows: 3 } }"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample.at_most.column: is missing; must be a string",
  },
  {
    what: "near duplicates at a negative distance",
    files: sampling("{ near_duplicates: { columns: [word], distance: -1 } }"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample.near_duplicates.distance: must be at least 0, not -1",
  },
  {
    what: "a sample of generated rows",
    files: sampling("{ rows: 10 }"),
    run: "validate pipeline.yaml bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: sample: is for stored rows; of generated rows, set data.rows in the pipeline file",
  },
  {
    what: "a sample by columns that the team does not see",
    files: ofTable("{ rows: 10, by: { stratified: wrod }, at_most: { column: user, rows: 3 } }"),
    run: "validate table.yaml bad.yaml",
    exit: 2,
    says: `error bad.yaml:6: sample.at_most.column: m1 may not use a column "user" for this; available: x, word, y
error bad.yaml:6: sample.by.stratified: m1 may not use a column "wrod" for this; available: x, word, y; did you mean "word"?`,
  },
  {
    what: "near duplicates in a column that only the pipeline file names",
    files: {
      ...sampling("{ near_duplicates: { columns: [word], distance: 1 } }"),
      "table.yaml": fromFile(", key: word"),
    },
    run: "validate table.yaml bad.yaml",
    exit: 2,
    says: 'error bad.yaml:6: sample.near_duplicates.columns[0]: m1 may not use a column "word" for this; available: x, y',
  },
];
