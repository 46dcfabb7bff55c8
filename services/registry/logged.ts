import type { Logged } from "../pipeline/verdict.ts";

/** Returns the values of all entries. */
export async function collect<T>(entries: AsyncIterable<Logged<T>>): Promise<T[]> {
  const values: T[] = [];
  for await (const { value } of entries) values.push(value);
  return values;
}
