import { DEFAULT_WORKERS, type WorkersSpec } from "../../pipeline/team.ts";

/** What a key under `workers` in a team file does and costs, for `uncouple explain workers`. */
export interface WorkersKey {
  /** As the file spells it. */
  readonly key: string;
  readonly values: string;
  readonly default: string | number;
  readonly summary: string;
  readonly cost: string;
}

const KEYS: Readonly<Record<keyof WorkersSpec, Omit<WorkersKey, "default">>> = {
  slots: {
    key: "slots",
    values: "1 to 1024",
    summary:
      "Logical workers. Each trains on batches of its own, and their weights and optimizer moments are averaged. Part of the result; the number of processes is not.",
    cost: "Every slot computes all steps: four slots are four times the work of one. Choose 2 to 4 times the processes that you usually have, so that a slow or lost one costs little.",
  },
  syncEvery: {
    key: "sync_every",
    values: "1 or more steps",
    summary: "Steps between averages. Each slot of a round is a unit, which any worker can run.",
    cost: "The state travels there and back with every unit. A unit should compute for at least 10 times as long; the trainer warns if it does not. Longer rounds lose more work when a worker dies.",
  },
  audit: {
    key: "audit",
    values: "0 to 1",
    summary:
      "Share of the units that a second worker runs, too. Different bits: a third run decides, and the wrong worker is shut out.",
    cost: "That share of the work again. 0 trusts every worker.",
  },
  numerics: {
    key: "numerics",
    values: "exact or tolerant",
    summary:
      "exact: only workers of the numerics class that began the run, so that the snapshot has the same bits whoever trained it. tolerant: any worker; the manifest says so.",
    cost: "exact runs on wasm where it can, which is slower than onnx:cpu for wide layers. GPUs are admitted only if they repeat their own bits.",
  },
  fallback: {
    key: "fallback",
    values: "local or wait",
    summary:
      "local: the trainer runs the units itself when no worker is there. wait: it leaves them to workers, for a class that the trainer's machine does not have.",
    cost: "local needs a trainer with processors to spare. wait stands still without workers; the run says so.",
  },
};

export const WORKERS_KEYS: readonly WorkersKey[] = Object.entries(KEYS).map(([name, key]) => ({
  ...key,
  default: DEFAULT_WORKERS[name as keyof WorkersSpec],
}));

/** What holds for every training with workers. */
export const WORKERS_RULES: readonly string[] = [
  "The published snapshot has the same bits with 0, 1 or 40 workers, whichever of them are killed, join, stall, repeat themselves or are cut off, in one numerics class. The class wasm is every processor.",
  "Workers hold nothing: `uncouple worker --trainer HOST:PORT` needs no team code, no data and no NATS. Start and kill them at any time.",
  "`steps` counts the steps of a slot. With slots: 1, the training is the one without workers, bit for bit.",
  "Helper networks of the causal protocols are units, too: they are fitted side by side.",
];
