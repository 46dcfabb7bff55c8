import { fromFile, PIPELINE, protocolNames, TEAM } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** With pipeline and team files. */
export const wrongFiles: readonly WrongCommand[] = [
  {
    what: "an unknown key in a pipeline file",
    files: { "bad.yaml": PIPELINE.replace("columns: [x2]", "colums: [x2]") },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:5: components.m2.colums: unknown key; available: columns, upstream, output, target, loss, data; did you mean "columns"?',
  },
  {
    what: "an unknown key in a team file",
    files: { "bad.yaml": `component: m1\n${TEAM}bacth: 3\n` },
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:6: bacth: unknown key; available: component, model, optimizer, batch, steps, stop_after, schedule, protocol, seed, train, engine, workers, remote_modules, sets, cotrain, tests, sample, search; did you mean "batch"?',
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
    what: "objectives that are unknown or have no weight",
    files: { "bad.yaml": `${PIPELINE}objective: { m1: 0, m3: 1 }\n` },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:6: objective.m1: must be a finite number greater than 0, not 0
error bad.yaml:6: objective.m3: unknown component "m3"; available: m1, m2; did you mean "m1"?`,
  },
  {
    what: "a gate, a freeze and a webhook that make no sense",
    files: {
      "bad.yaml": `${PIPELINE}gate: { horizon: 0, margin: 100 % }
freeze: [{ weekly: fry 16:00 - mon 08:00 }]
webhooks: [{ url: http://example.com, on: [release], secret_file: hook.key }]
`,
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:6: gate.margin: must be a percentage of the release's loss, at least 0 % and less than 100 %, such as 0.5 %
error bad.yaml:6: gate.horizon: must be at least 1, not 0
error bad.yaml:7: freeze[0].weekly: must be two days and times in UTC, such as fri 16:00 - mon 08:00
error bad.yaml:8: webhooks[0].url: must be an https URL; http is only for this machine, such as http://localhost:8080/hook
error bad.yaml:8: webhooks[0].on[0]: must be one of promoted, refused, held, released, rolled-back, spent, not "release"; did you mean "released"?`,
  },
  {
    what: "a gate that names what the pipeline does not have",
    files: {
      "bad.yaml": `${PIPELINE}gate:
  measure: audited
  guards: { m2: 1 %, m3: 1 % }
  hold: [m9]
  slices: [device]
`,
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:7: gate.measure: audited needs audit.held_out, the number of held-out rows with annotated outputs
error bad.yaml:8: gate.guards.m2: m2 is the objective, whose loss is what the gate measures; remove it from guards
error bad.yaml:8: gate.guards.m3: unknown component "m3"; available: m1, m2; did you mean "m1"?
error bad.yaml:9: gate.hold[0]: unknown component "m9"; available: m1, m2; did you mean "m1"?
error bad.yaml:10: gate.slices[0]: "device" is not among the pipeline's slices (none)`,
  },
  {
    what: "tests of a pipeline that name what it does not have",
    files: {
      "bad.yaml": `${fromFile("", "[x, word]")}tests:
  - { monotone: word, direction: increasing }
  - { bounded: { low: 0 }, component: m9 }
  - { slice: { word: w1 } }
  - { invariant: { set: { x: high } } }
`,
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:6: tests[0].monotone: "word" must have one number per row
error bad.yaml:7: tests[1].component: unknown component "m9"; available: m1; did you mean "m1"?
error bad.yaml:8: tests[2]: a slice needs a limit: loss_at_most or loss_relative_to_all
error bad.yaml:9: tests[3].invariant.set.x: "x" is numeric; set it to a number`,
  },
  {
    what: "tests of a pipeline that its data cannot answer",
    files: {
      "bad.yaml": `${fromFile("", "[x, word]")}tests:
  - { monotone: word, direction: increasing }
  - { slice: { x: { low: 3, high: 1 } }, loss_at_most: 1 }
  - { invariant: { set: { x: high } } }
`,
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:6: tests[0].monotone: "word" must have one number per row
error bad.yaml:7: tests[1].slice.x.low: must be less than high (1), not 3
error bad.yaml:8: tests[2].invariant.set.x: "x" is numeric; set it to a number`,
  },
  {
    what: "tests of a team that its component cannot answer",
    files: {
      "table.yaml": fromFile("", "[x, word]"),
      "bad.yaml": `component: m1\n${TEAM}tests:
  - { directional: { scale: { word: 2 } }, direction: increasing }
  - { monotone: y, direction: decreasing }
  - { bounded: { low: 0 }, output: 1 }
`,
    },
    run: "validate table.yaml bad.yaml",
    exit: 2,
    says: `error bad.yaml:7: tests[0].directional.scale.word: "word" is categorical; only numbers can be scaled
error bad.yaml:8: tests[1].monotone: m1 does not read a column "y"; available: x, word; did you mean "x"?
error bad.yaml:9: tests[2].output: the output of m1 has 1 coordinate; the last one is 0`,
  },
  {
    what: "slices without rows",
    files: {
      "table.yaml": `${fromFile("", "[x, word]")}tests:\n  - { slice: { word: w9 }, loss_at_most: 1 }\n`,
    },
    run: "validate table.yaml",
    exit: 2,
    says: "error table.yaml:6: tests[0].slice: none of 49 training rows is in the slice",
  },
  {
    what: "tests of a team that are malformed",
    files: {
      "bad.yaml": `component: m1\n${TEAM}tests:
  - { bounded: {} }
  - { agreement: { with: next } }
  - { monotone: x }
  - { bounded: { low: 0 }, allowed: 100 %, rows: 5 }
  - { monotone: x, directional: { scale: { x: 2 } }, direction: increasing }
`,
    },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:7: tests[0].bounded: must have low, high, or both
error bad.yaml:8: tests[1].agreement.with: must be previous, not "next"
error bad.yaml:9: tests[2].direction: is missing; must be one of increasing, decreasing
error bad.yaml:10: tests[3].rows: must be at least 10, not 5
error bad.yaml:10: tests[3].allowed: must be a percentage of the rows, at least 0 % and less than 100 %, such as 1 %
error bad.yaml:11: tests[4]: has monotone and directional; write a test for each`,
  },
  {
    what: "a gate whose parts of the held-out rows are too small",
    files: { "bad.yaml": `${fromFile(", test_fraction: 0.5")}gate: {}\n` },
    run: "validate bad.yaml",
    exit: 2,
    says: `error bad.yaml:5: gate.split: the screen part has 15 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough
error bad.yaml:5: gate.split: the confirm part has 5 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough
error bad.yaml:5: gate.split: the reserve part has 8 held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough`,
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
error bad.yaml:3: step: unknown key; available: component, model, optimizer, batch, steps, stop_after, schedule, protocol, seed, train, engine, workers, remote_modules, sets, cotrain, tests, sample, search; did you mean "steps"?
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
    what: "two team files of one component",
    run: "trainer --pipeline pipeline.yaml --team m1.yaml --team m1.yaml --nats NATS --port 0 --metrics-port 0",
    exit: 2,
    says: "uncouple: HERE/m1.yaml:1: component: m1 already has the team file HERE/m1.yaml",
  },
  {
    what: "a trainer of an unknown component",
    files: { "bad.yaml": `component: m9\n${TEAM}` },
    run: "trainer --pipeline pipeline.yaml --team bad.yaml --nats NATS --port 0 --metrics-port 0",
    exit: 2,
    says: 'uncouple: HERE/bad.yaml:1: component: pipeline "paper" has no component "m9"; available: m1, m2; did you mean "m1"?',
  },
];
