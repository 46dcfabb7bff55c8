import { PIPELINE } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** The paper's pipeline with m1 of another pipeline, without its contract. */
const USING = PIPELINE.replace("pipeline: paper", "pipeline: using").replace(/ {2}m1: .*/, "  m1: { from: paper/m1 }");
const LOCKED = `${USING}shared:\n  paper/m1: { columns: [x1], output: { name: z, width: 3 }, target: z }\n`;

/** With components of other pipelines. */
export const wrongShared: readonly WrongCommand[] = [
  {
    what: "a component of another pipeline without its contract",
    files: { "bad.yaml": USING },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:4: components.m1.from: the contract of paper/m1 is not in this file; run `uncouple pipeline lock bad.yaml --nats URL`, or with `--owner paper=FILE` instead of a server",
  },
  {
    what: "a component of another pipeline that names none",
    files: { "bad.yaml": USING.replace("from: paper/m1", "from: m1") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:4: components.m1.from: must be PIPELINE/COMPONENT or PIPELINE/COMPONENT@SERIAL, not "m1"',
  },
  {
    what: "a team of a component of another pipeline",
    files: { "bad.yaml": LOCKED },
    run: "validate bad.yaml m1.yaml",
    exit: 2,
    says: "error m1.yaml:1: component: m1 is paper/m1; pipeline paper trains it",
  },
  {
    what: "a scaffold of a team that another pipeline has",
    files: { "bad.yaml": LOCKED },
    run: "scaffold team m1 --pipeline bad.yaml --out teams",
    exit: 2,
    says: "uncouple: component m1 has no team: pipeline paper trains it",
  },
  {
    what: "a contract from a file of another pipeline",
    files: { "bad.yaml": USING },
    run: "pipeline lock bad.yaml --owner paper=bad.yaml",
    exit: 2,
    says: "uncouple: bad.yaml:4: components.m1.from: the contract of paper/m1 is not in this file; run `uncouple pipeline lock HERE/bad.yaml --nats URL`, or with `--owner paper=FILE` instead of a server",
  },
  {
    what: "a contract of a component that the owner does not have",
    files: { "bad.yaml": USING.replace("paper/m1", "paper/m9") },
    run: "pipeline lock bad.yaml --owner paper=pipeline.yaml",
    exit: 3,
    says: 'uncouple: pipeline paper has no component "m9"; available: m1, m2; did you mean "m1"?',
  },
  {
    what: "contracts without a server or a file that has them",
    files: { "bad.yaml": USING },
    run: "pipeline lock bad.yaml --dir nowhere",
    exit: 5,
    says: "uncouple: the contracts of pipeline paper are on its NATS server; add --nats URL, or --owner paper=FILE",
  },
  {
    what: "contracts of a pipeline that the server of the stack does not have",
    files: { "bad.yaml": USING.replace("paper/m1", "papers/m1") },
    run: "pipeline lock bad.yaml",
    exit: 3,
    says: 'uncouple: the NATS server at NATS has no pipeline "papers"; did you mean "paper"? (it has PIPELINES)',
  },
  {
    what: "a file of a pipeline that no component comes from",
    files: { "bad.yaml": USING },
    run: "pipeline lock bad.yaml --owner papers=pipeline.yaml",
    exit: 2,
    says: "uncouple: --owner papers: bad.yaml uses no component of pipeline papers; it uses those of paper",
  },
  {
    what: "an owner without a file",
    files: { "bad.yaml": USING },
    run: "pipeline lock bad.yaml --owner paper",
    exit: 2,
    says: "uncouple pipeline lock: option '--owner <pipeline=file>' argument 'paper' is invalid. Expected PIPELINE=FILE; see uncouple pipeline lock --help",
  },
];
