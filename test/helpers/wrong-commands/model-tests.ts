import { noM9, PIPELINE, TEAM } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

const team = (tests: string) => `component: m1\n${TEAM}tests: ${tests}\n`;

/** With tests of models. The stack has m1@1 and m2@1, without tests. */
export const wrongModelTests: readonly WrongCommand[] = [
  {
    what: "a test of nothing",
    run: "test",
    exit: 2,
    says: "uncouple test: missing required argument 'component[@serial]'; see uncouple test --help",
  },
  {
    what: "a test of a snapshot with an invalid serial",
    run: "test m1@newest",
    exit: 2,
    says: "uncouple test: command-argument value 'm1@newest' is invalid for argument 'component[@serial]'. A serial must be a positive integer, not \"newest\"; see uncouple test --help",
  },
  { what: "a test of an unknown component", run: "test m9", exit: 3, says: `uncouple: ${noM9}` },
  {
    what: "a test of an unknown snapshot",
    run: "test m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "a snapshot without tests",
    run: "test m1@1",
    exit: 5,
    says: "uncouple: m1@1 has no tests: neither its manifest nor the pipeline file has one that it can fail; name some with --tests",
  },
  {
    what: "tests in a file that does not exist",
    run: "test m1 --tests nowhere.yaml",
    exit: 3,
    says: "uncouple: file with tests HERE/nowhere.yaml not found",
  },
  {
    what: "tests of another team",
    run: "test m1 --tests m2.yaml",
    exit: 2,
    says: "uncouple: m2.yaml is for component m2, not m1",
  },
  {
    what: "a team file without tests",
    run: "test m1 --tests m1.yaml",
    exit: 2,
    says: "uncouple: m1.yaml has no tests",
  },
  {
    what: "tests in a file of rows",
    run: "test m1 --tests rows.csv",
    exit: 2,
    says: "uncouple: rows.csv is neither a team file nor a pipeline file",
  },
  {
    what: "a test without a direction",
    files: { "tests.yaml": team("[{ monotone: x1 }]") },
    run: "test m1 --tests tests.yaml",
    exit: 2,
    says: "uncouple: tests.yaml:6: tests[0].direction: is missing; must be one of increasing, decreasing",
  },
  {
    what: "a test of a column that the component does not read",
    files: { "tests.yaml": team("[{ invariant: { set: { x2: 1 } } }]") },
    run: "test m1 --tests tests.yaml",
    exit: 2,
    says: 'uncouple: tests.yaml:6: tests[0].invariant.set.x2: m1 does not read a column "x2"; available: x1; did you mean "x1"?',
  },
  {
    what: "tests of another pipeline",
    files: { "other.yaml": PIPELINE.replace("paper", "other") },
    run: "test m1 --tests other.yaml",
    exit: 2,
    says: "uncouple: other.yaml is the pipeline file of other, not of paper",
  },
  {
    what: "tests of the pipeline that the snapshot cannot change",
    files: { "tested.yaml": `${PIPELINE}objective: m2\ntests: [{ bounded: { low: 0 }, component: m1 }]\n` },
    run: "test m2 --tests tested.yaml",
    exit: 2,
    says: "uncouple: no test of tested.yaml is about an output that m2@1 can change",
  },
  {
    what: "tests on the data of another pipeline file",
    files: { "other.yaml": PIPELINE.replace("paper", "other") },
    run: "test m1 --pipeline-file other.yaml",
    exit: 2,
    says: "uncouple: the pipeline file is of other, not of paper",
  },
];
