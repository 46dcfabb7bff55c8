/** The candidate nearest to what was written, if it is near enough to be a typo. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // About one typo in three characters.
  let bestDistance = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === written || Math.abs(candidate.length - written.length) >= bestDistance) continue;
    const distance = editDistance(normalize(written), normalize(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Returns `; did you mean "x"?`, or an empty string if no candidate is near. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const found = nearest(written, candidates);
  return found === undefined ? "" : `; did you mean ${JSON.stringify(found)}?`;
}

const MAX_SHOWN = 30;

/** The names that a message lists; tables can have thousands of columns. */
export function availableNames(names: Iterable<string>): string {
  const all = [...names];
  const more = all.length - MAX_SHOWN;
  return `${all.slice(0, MAX_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Makes learningRate, learning-rate and learning_rate equal. */
function normalize(text: string): string {
  return text.toLowerCase().replaceAll(/[-_ ]/g, "");
}

/** Optimal string alignment distance over the first 64 UTF-16 code units. */
function editDistance(a: string, b: string): number {
  const left = a.slice(0, 64);
  const right = b.slice(0, 64);
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const same = left[i - 1] === right[j - 1];
      let cost = Math.min(
        (last[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] as number) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] as number;
}
