import { createHmac } from "node:crypto";
import type { Pipeline } from "./pipeline.ts";

/** Hexadecimal digits of a hash: two of a million keys share one with a probability of 3e-8. */
const DIGITS = 16;

/** The columns whose values are keys: they name rows, or what rows belong to, such as users. */
export function keyColumns({ data }: Pick<Pipeline, "data">): readonly string[] {
  if (data.source === "synthetic") return [];
  return [...new Set([...(data.key === undefined ? [] : [data.key]), ...(data.group ?? [])])];
}

/**
 * Hashes a key: `#3f9a2c0b71d4e865`, HMAC-SHA-256 of the column and the key.
 * @param salt of the pipeline (`HeldOutGeneration`), base64
 */
export function hashKey(column: string, key: string, salt: string): string {
  const hash = createHmac("sha256", Buffer.from(salt, "base64")).update(JSON.stringify([column, key]));
  return `#${hash.digest("hex").slice(0, DIGITS)}`;
}
