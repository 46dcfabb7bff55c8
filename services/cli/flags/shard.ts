import { InvalidArgumentError } from "commander";
import type { Shard } from "../../simulator/jobs/shard.ts";

const MOST_SHARDS = 100_000;

/** Parses `I/N`, with I from 0 to N - 1. @throws InvalidArgumentError */
export function shard(text: string): Shard {
  const [, index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index >= count || count > MOST_SHARDS) {
    throw new InvalidArgumentError(`Expected I/N with I from 0 to N - 1, such as 0/4; N is at most ${MOST_SHARDS}.`);
  }
  return { index, count };
}
