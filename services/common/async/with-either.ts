/**
 * Runs work under a signal that aborts with the first of two signals. `AbortSignal.any` would do the same, but leaves
 * something behind in a long-lived signal for every call.
 */
export async function withEither<T>(
  one: AbortSignal,
  other: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController();
  const sources = [one, other];
  const onAbort = () => either.abort(sources.find(({ aborted }) => aborted)?.reason);
  for (const source of sources) source.addEventListener("abort", onAbort);
  if (one.aborted || other.aborted) onAbort();
  try {
    return await work(either.signal);
  } finally {
    for (const source of sources) source.removeEventListener("abort", onAbort);
  }
}
