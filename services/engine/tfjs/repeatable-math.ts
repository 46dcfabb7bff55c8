import { log, square } from "../../common/elementary.ts";

/**
 * Runs synchronous work with `Math.log`, and `Math.pow` where it squares, replaced by repeatable ones. tfjs's initializers
 * call no others: normal numbers are drawn by Marsaglia's polar method, and `orthogonal` measures lengths.
 */
export function withRepeatableMath<T>(work: () => T): T {
  const { log: builtInLog, pow: builtInPow } = Math;
  Math.log = log;
  Math.pow = (x, y) => (y === 2 ? square(x) : builtInPow(x, y));
  try {
    return work();
  } finally {
    Math.log = builtInLog;
    Math.pow = builtInPow;
  }
}
