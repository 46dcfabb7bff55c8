import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { SearchParameter, SearchParameters } from "../../../services/pipeline/search.ts";
import { optunaPython } from "../../helpers/optuna.ts";

/** Optuna in a process of its own, by ask and tell. */
export interface Optuna {
  begin(sampler: "random" | "tpe", seed: number, space: readonly SearchParameter[]): Promise<void>;
  ask(): Promise<SearchParameters>;
  /** @param value null: the trial failed */
  tell(value: number | null): Promise<void>;
  close(): void;
}

export function startOptuna(): Optuna {
  const child = spawn(optunaPython, [join(import.meta.dirname, "ask_optuna.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  async function answerTo(question: object): Promise<unknown> {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { done, value } = await answers.next();
    if (done === true) throw new UncoupleError("internal", "Optuna's process ended");
    return JSON.parse(value);
  }
  return {
    begin: async (sampler, seed, space) => void (await answerTo({ sampler, seed, space })),
    ask: async () => (await answerTo({ ask: true })) as SearchParameters,
    tell: async (value) => void (await answerTo({ tell: value })),
    close: () => child.stdin.end(),
  };
}
