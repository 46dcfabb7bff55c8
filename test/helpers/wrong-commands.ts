import { protocols } from "../../services/learning/protocols/all.ts";

const protocolNames = protocols.map(({ name }) => name).join(", ");

/** The paper's pipeline, small. */
const PIPELINE = `pipeline: paper
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;
const TEAM = "model: { hidden: [8] }\nbatch: 32\nsteps: 60\nengine: onnx:cpu\n";
/** A pipeline with one component over rows.csv. */
export const fromFile = (data: string, columns = "[x]") =>
  `pipeline: table\ndata: { source: file, path: rows.csv${data} }\ncomponents:
  m1: { columns: ${columns}, output: { name: z, width: 1, meaning: scalar }, target: y, loss: mse }\n`;
const CSV = `x,y,word\n${Array.from({ length: 60 }, (_, i) => `${i},${2 * i},w${i % 3}`).join("\n")}\n`;

/** Files in the folder of every case. */
export const commonFiles: Readonly<Record<string, string>> = {
  "pipeline.yaml": PIPELINE,
  "m1.yaml": `component: m1\n${TEAM}`,
  "m2.yaml": `component: m2\n${TEAM}`,
  "rows.csv": CSV,
};

const noM9 = 'pipeline paper has no component "m9"; available: m1, m2; did you mean "m1"?';

/** An invalid command line, and the error that it prints. */
export interface WrongCommand {
  readonly what: string;
  /** In addition to the common files, or replacing them. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The arguments of `uncouple`; NATS stands for the address of the stack's server. */
  readonly run: string;
  readonly exit: number;
  /** The complete error; HERE stands for the folder of the case, STACK for that of the stack file. */
  readonly says: string;
}

export const wrongFiles: readonly WrongCommand[] = [
  {
    what: "an unknown key in a pipeline file",
    files: { "bad.yaml": PIPELINE.replace("columns: [x2]", "colums: [x2]") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:5: components.m2.colums: unknown key; available: columns, upstream, output, target, loss; did you mean "columns"?',
  },
  {
    what: "an unknown key in a team file",
    files: { "bad.yaml": `component: m1\n${TEAM}bacth: 3\n` },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:6: bacth: unknown key; available: component, model, optimizer, batch, steps, schedule, protocol, seed, train, engine, workers, remote_modules; did you mean "batch"?',
  },
  {
    what: "a cycle",
    files: { "bad.yaml": PIPELINE.replace("columns: [x1]", "columns: [x1], upstream: [m2]") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:4: components.m1.upstream[0]: the components form a cycle: m1 <- m2 <- m1",
  },
  {
    what: "a missing upstream",
    files: { "bad.yaml": PIPELINE.replace("[m1]", "[m3]") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:5: components.m2.upstream[0]: unknown component "m3"; available: m1, m2; did you mean "m1"?',
  },
  {
    what: "names that JavaScript reserves",
    files: {
      "bad.yaml": PIPELINE.replace("m1:", "constructor:").replace("[m1]", "[constructor]").replace("x2", "__proto__"),
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:4: components.constructor: must be a name that JavaScript does not reserve, not "constructor"
error bad.yaml:5: components.m2.columns[0]: must be a name that JavaScript does not reserve, not "__proto__"`,
  },
  {
    what: "a shape mismatch on an edge",
    files: { "bad.yaml": PIPELINE.replace("upstream: [m1]", "upstream: [{ component: m1, width: 4 }]") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:5: components.m2.upstream[0].width: m2 expects width 4, but m1 emits width 3",
  },
  {
    what: "an output that does not fit its target",
    files: { "bad.yaml": PIPELINE.replace("width: 3", "width: 2") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:4: components.m1.target: "z" has width 3, but the output "z" has width 2',
  },
  {
    what: "a column missing from the data",
    files: { "bad.yaml": PIPELINE.replace("[x2]", "[x3]") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:5: components.m2.columns[0]: the data has no column "x3"; available: x1, x2, z, y; did you mean "x1"?',
  },
  {
    what: "problems in the schema, in the graph and with the data, at once",
    files: { "bad.yaml": PIPELINE.replace("width: 3", "widht: 3").replace("[m1]", "[m1, m9]").replace("[x2]", "[x3]") },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:4: components.m1.output.widht: unknown key; available: name, width, meaning, classes; did you mean "width"?
error bad.yaml:5: components.m2.upstream[1]: unknown component "m9"; available: m1, m2; did you mean "m1"?
error bad.yaml:5: components.m2.columns[0]: the data has no column "x3"; available: x1, x2, z, y; did you mean "x1"?`,
  },
  {
    what: "problems in a team file and with its pipeline, at once",
    files: { "bad.yaml": "component: m1\nmodel: { hidden: [0] }\nstep: 3\ntrain: on-upstream\n" },
    run: "validate pipeline.yaml bad.yaml",
    exit: 2,
    says: `error bad.yaml:2: model.hidden[0]: must be at least 1, not 0
error bad.yaml:3: step: unknown key; available: component, model, optimizer, batch, steps, schedule, protocol, seed, train, engine, workers, remote_modules; did you mean "steps"?
error bad.yaml:4: train: on-upstream requires upstream components, but m1 has none`,
  },
  {
    what: "a protocol parameter out of range",
    files: { "bad.yaml": `component: m2\n${TEAM}protocol: { name: proximal, sigma: -1 }\n` },
    run: "validate pipeline.yaml bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: protocol.sigma: must be at least 0, not -1",
  },
  {
    what: "several problems at once",
    files: { "bad.yaml": "component: m2\nmodel: { hidden: [0] }\nsteps: -1\nprotocol: asink\n" },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:2: model.hidden[0]: must be at least 1, not 0\nerror bad.yaml:3: steps: must be at least 1, not -1\nerror bad.yaml:4: protocol: unknown protocol "asink"; available: ${protocolNames}`,
  },
  {
    what: "invalid YAML",
    files: { "bad.yaml": "pipeline: [\n" },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: invalid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  },
  { what: "a folder", run: "validate .", exit: 2, says: "error .: cannot be read: it is a folder" },
  {
    what: "an empty file",
    files: { "bad.yaml": "" },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:1: the file is empty",
  },
  {
    what: "a missing file",
    run: "validate nowhere.yaml",
    exit: 2,
    says: "error nowhere.yaml: cannot be read: no such file",
  },
  {
    what: "a binary file",
    files: { "bad.yaml": Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0xff) },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml: is not a UTF-8 text file",
  },
  {
    what: "a stack with an invalid pipeline file",
    files: { "bad.yaml": PIPELINE.replace("[m1]", "[m3]") },
    run: "up bad.yaml m2.yaml",
    exit: 2,
    says: 'uncouple: bad.yaml:5: components.m2.upstream[0]: unknown component "m3"; available: m1, m2; did you mean "m1"?',
  },
  {
    what: "a stack without a pipeline",
    run: "up m1.yaml m2.yaml",
    exit: 2,
    says: "uncouple: none of the files is a pipeline file; add one",
  },
  {
    what: "a trainer of an unknown component",
    files: { "bad.yaml": `component: m9\n${TEAM}` },
    run: "trainer --pipeline pipeline.yaml --team bad.yaml --nats NATS --port 0 --metrics-port 0",
    exit: 2,
    says: 'uncouple: HERE/bad.yaml:1: component: pipeline "paper" has no component "m9"; available: m1, m2; did you mean "m1"?',
  },
];

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
    what: "a data file that is a folder",
    files: { "bad.yaml": fromFile("").replace("rows.csv", ".") },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:2: data.path: HERE is a folder; must be a CSV or Parquet file",
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
];

export const wrongFlags: readonly WrongCommand[] = [
  {
    what: "an unknown command",
    run: "trian m1",
    exit: 2,
    says: "uncouple: unknown command 'trian' (Did you mean train?); see uncouple --help",
  },
  {
    what: "an unknown flag",
    run: "train m1 --folow",
    exit: 2,
    says: "uncouple train: unknown option '--folow' (Did you mean --follow?); see uncouple train --help",
  },
  {
    what: "an invalid reference",
    run: "show m1@x",
    exit: 2,
    says: "uncouple show: command-argument value 'm1@x' is invalid for argument 'component@serial'. A serial must be a positive integer, not \"x\"; see uncouple show --help",
  },
  {
    what: "an unknown snapshot",
    run: "show m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "a snapshot of an unknown component",
    run: "export m9@1 m9.onnx",
    exit: 3,
    says: `uncouple: ${noM9}`,
  },
  {
    what: "an export to an existing file",
    run: "export m1@1 m1.yaml",
    exit: 4,
    says: "uncouple: m1.yaml already exists; use --force to overwrite it",
  },
  {
    what: "an export into a missing folder",
    run: "export m1@1 nowhere/m1.onnx",
    exit: 2,
    says: "uncouple: cannot write nowhere/m1.onnx: no such folder",
  },
  {
    what: "a parameter without a value",
    run: "train m2 --protocol proximal --param sigma",
    exit: 2,
    says: "uncouple train: option '--param <name=value>' argument 'sigma' is invalid. Expected NAME=VALUE, for example sigma=0.15; see uncouple train --help",
  },
  {
    what: "a parameter that is not a number",
    run: "train m2 --protocol proximal --param sigma=much",
    exit: 2,
    says: 'uncouple: request: protocol.sigma: must be a number, not "much"',
  },
  {
    what: "an alias of an unknown snapshot",
    run: "alias m1 champion 99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "an invalid alias name",
    run: "alias m1 Champion! 1",
    exit: 2,
    says: 'uncouple: alias "Champion!": a name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens',
  },
  {
    what: "an alias name that JavaScript reserves",
    run: "alias m1 constructor 1",
    exit: 2,
    says: 'uncouple: alias "constructor": must be another name, JavaScript keeps this one for itself',
  },
  {
    what: "a rollback without a history",
    run: "rollback m1",
    exit: 5,
    says: "uncouple: alias champion of m1 never pointed anywhere else: there is nothing to go back to",
  },
  {
    what: "a missing stack",
    run: "runs --dir nowhere",
    exit: 5,
    says: "uncouple: no stack found at HERE/nowhere/stack.json; start one with `uncouple up PIPELINE TEAM...`, or specify the trainer with --trainer HOST:PORT",
  },
  {
    what: "a second stack in one folder",
    run: "up pipeline.yaml m1.yaml m2.yaml",
    exit: 4,
    says: "uncouple: a stack of pipeline paper is running from STACK/stack.json (process PID); stop it, or use a different --dir",
  },
  {
    what: "a file instead of a stack's folder",
    run: "up pipeline.yaml m1.yaml m2.yaml --dir m1.yaml",
    exit: 2,
    says: "uncouple: cannot use HERE/m1.yaml as a folder: a file with that name exists",
  },
  {
    what: "a stack's folder below a file",
    run: "up pipeline.yaml m1.yaml m2.yaml --dir m1.yaml/stack",
    exit: 2,
    says: "uncouple: cannot use HERE/m1.yaml/stack as a folder: part of the path is a file",
  },
  ...["up pipeline.yaml m1.yaml m2.yaml --dir", "reproduce figure1 --seeds 1 --out"].map((run) => ({
    what: `a folder that cannot be created: ${run}`,
    run: `${run} /proc/nowhere`,
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere as a folder: the file system does not allow creating a folder there",
  })),
  {
    what: "a demo folder that cannot be created",
    run: "demo --out /proc/nowhere",
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere/stack as a folder: the file system does not allow creating a folder there",
  },
  {
    what: "a state folder that cannot be created",
    run: "trainer --pipeline pipeline.yaml --team m1.yaml --nats NATS --port 0 --metrics-port 0 --state /proc/nowhere",
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere/paper/m1 as a folder: the file system does not allow creating a folder there",
  },
  {
    what: "an export to a file that cannot be created",
    run: "export m1@1 /proc/nowhere.onnx",
    exit: 2,
    says: "uncouple: cannot write /proc/nowhere.onnx: no such folder",
  },
  {
    what: "an unreachable trainer",
    run: "train m1 --trainer 127.0.0.1:1",
    exit: 7,
    says: "uncouple: cannot reach 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
  },
  {
    what: "an unreachable evaluator",
    run: "verdicts --evaluator 127.0.0.1:1",
    exit: 7,
    says: "uncouple: cannot reach 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
  },
  {
    what: "an unreachable NATS server",
    run: "snapshots --nats 127.0.0.1:1 --pipeline paper",
    exit: 7,
    says: "uncouple: cannot connect to the NATS server at nats://127.0.0.1:1: CONNECTION_REFUSED",
  },
  {
    what: "a trainer whose NATS server stays unreachable",
    run: "trainer --pipeline pipeline.yaml --team m1.yaml --nats 127.0.0.1:1 --startup-timeout 1s --port 0 --metrics-port 0",
    exit: 7,
    says: "uncouple: cannot connect to the NATS server at nats://127.0.0.1:1: CONNECTION_REFUSED",
  },
  ...(
    [
      [
        "an unknown engine",
        "--engine reference",
        "option '--engine <name>' argument 'reference' is invalid. Allowed choices are wasm, onnx:cpu, onnx:webgpu, onnx:cuda",
      ],
      ["no threads", "--threads 0", "option '--threads <count>' argument '0' is invalid. Expected a positive integer"],
      [
        "half a thread",
        "--threads 1.5",
        "option '--threads <count>' argument '1.5' is invalid. Expected a positive integer",
      ],
      [
        "an invalid component",
        "--component M1",
        "option '--component <name>' argument 'M1' is invalid. A name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens",
      ],
      [
        "a pipeline file instead of its name",
        "--pipeline pipeline.yaml",
        "option '--pipeline <name>' argument 'pipeline.yaml' is invalid. A name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens",
      ],
      [
        "a name that is too long",
        `--name ${"x".repeat(256)}`,
        `option '--name <name>' argument '${"x".repeat(256)}' is invalid. Expected 1 to 255 characters`,
      ],
      [
        "a port out of range",
        "--metrics-port 70000",
        "option '--metrics-port <port>' argument '70000' is invalid. A port must be an integer between 0 (any free port) and 65535",
      ],
      [
        "an unknown log level",
        "--log-level loud",
        "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error",
      ],
    ] as const
  ).map(([what, flags, says]) => ({
    what: `a worker with ${what}`,
    run: `worker --trainer 127.0.0.1:1 ${flags}`,
    exit: 2,
    says: `uncouple worker: ${says}; see uncouple worker --help`,
  })),
  {
    what: "a worker without a trainer",
    run: "worker",
    exit: 2,
    says: "uncouple worker: required option '--trainer <host:port>' not specified; see uncouple worker --help",
  },
  {
    what: "a worker with a trainer's address without a port",
    run: "worker --trainer trainer-m1",
    exit: 2,
    says: 'uncouple: address "trainer-m1" is not host:port',
  },
  {
    what: "a worker with a host that is not this machine's",
    run: "worker --trainer 127.0.0.1:1 --host 203.0.113.7 --metrics-port 0",
    exit: 5,
    says: "uncouple: cannot serve health and metrics on 203.0.113.7:0: listen EADDRNOTAVAIL: address not available 203.0.113.7",
  },
  {
    what: "a worker with a certificate without its key",
    run: "worker --trainer 127.0.0.1:1 --tls-ca m1.yaml --tls-cert m1.yaml",
    exit: 2,
    says: "uncouple: TLS requires --tls-ca; --tls-cert and --tls-key must be given together",
  },
  {
    what: "a worker with a key and no CA",
    run: "worker --trainer 127.0.0.1:1 --tls-cert m1.yaml --tls-key m1.yaml",
    exit: 2,
    says: "uncouple: TLS requires --tls-ca; --tls-cert and --tls-key must be given together",
  },
  {
    what: "a worker with a missing CA file",
    run: "worker --trainer 127.0.0.1:1 --tls-ca nowhere.pem",
    exit: 2,
    says: "uncouple: nowhere.pem cannot be read: no such file",
  },
];

export const wrongRequests: readonly WrongCommand[] = [
  {
    what: "applying a pipeline file that does not exist",
    run: "pipeline apply nowhere.yaml",
    exit: 3,
    says: "uncouple: pipeline file HERE/nowhere.yaml not found",
  },
  {
    what: "applying a folder",
    run: "pipeline apply .",
    exit: 2,
    says: "uncouple: pipeline file HERE cannot be read: it is a folder",
  },
  {
    what: "applying an invalid pipeline file",
    files: { "bad.yaml": PIPELINE.replace("columns: [x2]", "colums: [x2]") },
    run: "pipeline apply bad.yaml",
    exit: 2,
    says: 'uncouple: bad.yaml:5: components.m2.colums: unknown key; available: columns, upstream, output, target, loss; did you mean "columns"?',
  },
  {
    what: "applying the file of another pipeline",
    files: { "other.yaml": PIPELINE.replace("pipeline: paper", "pipeline: other") },
    run: "pipeline apply other.yaml",
    exit: 2,
    says: "uncouple: the stack runs pipeline paper, not other; use --nats to connect to another server",
  },
  {
    what: "applying a breaking change unintentionally",
    files: { "changed.yaml": PIPELINE.replace("name: z", "name: zz") },
    run: "pipeline apply changed.yaml",
    exit: 5,
    says: "uncouple: the pipeline file of paper has breaking changes and was not applied: components.m1.output.name (existing snapshots of m1 and m2 no longer fit: evaluators quarantine them for good, and each component needs a new one); use --breaking to apply them",
  },
  {
    what: "applying a pipeline file after somebody else did",
    run: "pipeline apply pipeline.yaml --expect 0123456789ab",
    exit: 4,
    says: "uncouple: nothing was applied: c43f0f362957 is in force, not 0123456789ab",
  },
  {
    what: "an unknown digest",
    run: "pipeline diff 0123456789ab",
    exit: 3,
    says: "uncouple: no applied pipeline file has the digest 0123456789ab; available: c43f0f362957",
  },
  {
    what: "a difference without an earlier file",
    run: "pipeline diff",
    exit: 3,
    says: "uncouple: only c43f0f362957 was applied yet: there is none before it",
  },
  {
    what: "two files to compare",
    run: "pipeline diff pipeline.yaml pipeline.yaml",
    exit: 2,
    says: "uncouple: give one file, or one or two digests",
  },
  {
    what: "an unknown run",
    run: "cancel nobody",
    exit: 3,
    says: 'uncouple: no trainer has a run "nobody"; list the runs with uncouple runs',
  },
  {
    what: "a component without a trainer",
    run: "train m9",
    exit: 3,
    says: 'uncouple: no trainer found for component "m9"; available: m1, m2; did you mean "m1"?',
  },
  {
    what: "neither a component nor a run",
    run: "runs m9",
    exit: 3,
    says: 'uncouple: no trainer or run found for "m9"; components with a trainer: m1, m2; did you mean "m1"?',
  },
  ...[
    "snapshots m9",
    "verdicts m9",
    "verdicts m9 --follow",
    "show m9@1",
    "alias m9",
    "alias m9 champion 1",
    "rollback m9",
  ].map((run) => ({ what: `an unknown component: ${run}`, run, exit: 3, says: `uncouple: ${noM9}` })),
  {
    what: "a component named like a property of every object",
    run: "train constructor",
    exit: 3,
    says: 'uncouple: no trainer found for component "constructor"; available: m1, m2',
  },
  {
    what: "an unknown protocol",
    run: "train m2 --protocol asink",
    exit: 2,
    says: `uncouple: request: protocol: unknown protocol "asink"; available: ${protocolNames}`,
  },
  {
    what: "a protocol that requires predictions",
    run: "train m1 --protocol causal",
    exit: 2,
    says: "uncouple: request: protocol: causal requires upstream components, but m1 has none",
  },
  {
    what: "a parameter that the protocol does not have",
    run: "train m2 --protocol proximal --param sigm=1",
    exit: 2,
    says: 'uncouple: request: protocol.sigm: proximal has no parameter "sigm"; available: lambda, sigma; did you mean "sigma"?',
  },
  {
    what: "a parameter out of range",
    run: "train m2 --protocol proximal --param sigma=-1",
    exit: 2,
    says: "uncouple: request: protocol.sigma: must be at least 0, not -1",
  },
  {
    what: "a team file for a different component",
    run: "train m1 --team m2.yaml",
    exit: 2,
    says: "uncouple: m2.yaml is for component m2, not m1",
  },
  {
    what: "a pipeline file in place of a team file",
    run: "train m1 --team pipeline.yaml",
    exit: 2,
    says: "uncouple: pipeline.yaml is not a team file",
  },
];
