import { TEAM } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

const searching = (search: string) => ({ "bad.yaml": `component: m1\n${TEAM}search:\n${search}` });
const PARAMETERS = "  parameters: { batch: { choices: [16, 32] } }\n";

/** With searches and studies. */
export const wrongTuning: readonly WrongCommand[] = [
  {
    what: "a search without parameters",
    files: searching("  seed: 1\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: search.parameters: must map keys of this file to ranges, such as optimizer.learning_rate: { low: 0.001, high: 0.1 }",
  },
  {
    what: "a search over a key that changes no training",
    files: searching("  parameters: { engine: { choices: [wasm, onnx] } }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:7: search.parameters.engine: cannot be searched; use a key that changes a training, in or under: model, optimizer, batch, steps, schedule, protocol, seed",
  },
  {
    what: "a range upside down",
    files: searching("  parameters:\n    optimizer.learning_rate: { low: 1, high: 0.1 }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.parameters["optimizer.learning_rate"].high: must be greater than low (1), not 0.1',
  },
  {
    what: "a logarithmic range from 0",
    files: searching("  parameters:\n    optimizer.learning_rate: { low: 0, high: 0.1, log: true }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.parameters["optimizer.learning_rate"].low: must be greater than 0 with log: true, not 0',
  },
  {
    what: "a choice that the key cannot have",
    files: searching("  parameters: { batch: { choices: [16, 0] } }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:7: search.parameters.batch: with the value 0, must be at least 1, not 0",
  },
  {
    what: "a condition on an unknown parameter",
    files: searching("  parameters: { batch: { choices: [16, 32], when: { optimizer.name: sgd } } }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:7: search.parameters.batch.when["optimizer.name"]: must be a parameter with choices that is listed before this one',
  },
  {
    what: "an unknown sampler",
    files: searching(`${PARAMETERS}  sampler: tpe\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.sampler: must be one of quasi-random, random, not "tpe"',
  },
  {
    what: "an unknown pruner",
    files: searching(`${PARAMETERS}  pruning: hyperband\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.pruning.name: must be one of none, halving, median, not "hyperband"',
  },
  {
    what: "a share of validation rows that leaves none to train on",
    files: searching(`${PARAMETERS}  validation: 100 %\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.validation: must be a share of the training rows of at most 90 %, such as 20 %, not "100 %"',
  },
  {
    what: "an unknown key of a search",
    files: searching(`${PARAMETERS}  samples: random\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:8: search.samples: unknown key; available: parameters, sampler, pruning, stop_early, validation, seed; did you mean "sampler"?',
  },
  {
    what: "a key to search that no team file has",
    files: searching("  parameters: { optimizer.learning_rat: { low: 0.1, high: 1 } }\n"),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:7: search.parameters["optimizer.learning_rat"]: with the value 0.1, unknown key; available: name, learning_rate, beta1, beta2, epsilon; did you mean "learning_rate"?',
  },
  {
    what: "a key that is searched as a whole and in part",
    files: searching(
      "  parameters: { model: { choices: [linear, { hidden: [8] }] }, model.hidden: { choices: [[8], [16]] } }\n",
    ),
    run: "validate bad.yaml",
    exit: 2,
    says: 'error bad.yaml:7: search.parameters["model.hidden"]: is part of model, which is searched, too; search only one of them',
  },
  {
    what: "a setting of another pruner",
    files: searching(`${PARAMETERS}  pruning: { name: median, first: 100 }\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:8: search.pruning.first: unknown key; available: name, after, every",
  },
  {
    what: "halving that halves nothing",
    files: searching(`${PARAMETERS}  pruning: { name: halving, factor: 1 }\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:8: search.pruning.factor: must be at least 2, not 1",
  },
  {
    what: "early stopping without patience",
    files: searching(`${PARAMETERS}  stop_early: { patience: 0 }\n`),
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:8: search.stop_early.patience: must be at least 1, not 0",
  },
  {
    what: "a training that is to stop after its end",
    files: { "bad.yaml": `component: m1\n${TEAM}stop_after: 61\n` },
    run: "validate bad.yaml",
    exit: 2,
    says: "error bad.yaml:6: stop_after: must be at most steps (60), not 61",
  },
  {
    what: "a study of a component without a search",
    run: "tune m1 --trials 3",
    exit: 5,
    says: "uncouple: the team file of m1 has no search; add one (see docs/tuning.md)",
  },
  {
    what: "a study without a number of trials",
    run: "tune m1",
    exit: 2,
    says: "uncouple: m1 has no study in progress; start one with --trials N, or name one with --study",
  },
  {
    what: "a study with no trials",
    run: "tune m1 --trials 0",
    exit: 2,
    says: "uncouple tune: option '--trials <n>' argument '0' is invalid. Expected an integer between 1 and 10000; see uncouple tune --help",
  },
  {
    what: "a study with no trial at a time",
    run: "tune m1 --trials 3 --parallel 0",
    exit: 2,
    says: "uncouple tune: option '--parallel <n>' argument '0' is invalid. Expected an integer between 1 and 1024; see uncouple tune --help",
  },
  {
    what: "an unknown study",
    run: "tune m1 --study nobody",
    exit: 3,
    says: 'uncouple: m1 has no study "nobody"; it has none yet',
  },
  {
    what: "a study of an unknown component",
    run: "tune m9 --trials 3",
    exit: 3,
    says: 'uncouple: no trainer found for component "m9"; available: m1, m2; did you mean "m1"?',
  },
  {
    what: "a study to stop where there is none",
    run: "tune m2 --stop",
    exit: 3,
    says: "uncouple: m2 has no study in progress",
  },
];
