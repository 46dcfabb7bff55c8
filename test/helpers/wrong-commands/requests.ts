import { noM9, PIPELINE, protocolNames } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** That a service or the registry refuses. */
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
    what: "a model module that the trainer's team file does not allow",
    files: { "own.yaml": "component: m1\nmodel: { module: ./model.ts }\n", "model.ts": "export {};\n" },
    run: "train m1 --team own.yaml",
    exit: 2,
    says: "uncouple: team file of the request: model.module: requests cannot name a model module, unless the trainer's team file has remote_modules: true",
  },
  {
    what: "a pipeline file in place of a team file",
    run: "train m1 --team pipeline.yaml",
    exit: 2,
    says: "uncouple: pipeline.yaml is not a team file",
  },
];
