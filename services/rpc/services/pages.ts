import type { Logged } from "../../pipeline/verdict.ts";

/** A part of a log. */
export interface Page {
  /** The first position, inclusive; 0: from the first entry. */
  readonly from: number;
  /** Maximum number of entries; 0: all. */
  readonly limit: number;
}

/** Entries that are held in memory at once. */
const PAGE_SIZE = 500;

/** Yields the entries of a log that is listed page by page. @param wanted defaults to all entries */
export async function* readPages<T>(
  list: (page: Page) => Promise<readonly Logged<T>[]>,
  wanted: Page = { from: 0, limit: 0 },
): AsyncGenerator<Logged<T>, void, undefined> {
  const limit = wanted.limit === 0 ? Number.POSITIVE_INFINITY : wanted.limit;
  let { from } = wanted;
  for (let count = 0; count < limit; ) {
    const size = Math.min(PAGE_SIZE, limit - count);
    const entries = await list({ from, limit: size });
    yield* entries;
    const last = entries.at(-1)?.position ?? 0;
    // An evaluator of version 0.1.0 has no positions and sends everything at once.
    if (entries.length < size || last === 0) return;
    count += entries.length;
    from = last + 1;
  }
}

/** Returns the entries of a page. @param entries from the page's first position on */
export async function pageOf<T>(entries: AsyncIterable<Logged<T>>, { limit }: Page): Promise<readonly Logged<T>[]> {
  const page: Logged<T>[] = [];
  for await (const entry of entries) {
    page.push(entry);
    if (page.length === limit) break;
  }
  return page;
}
