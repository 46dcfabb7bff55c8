/** Ticks of a logarithmic axis: powers of ten that span the values, plus 2 and 5 times each of them if there are few. */
export function logTicks(values: readonly number[]): number[] {
  if (values.length === 0) return [];
  const low = Math.floor(Math.log10(values.reduce((a, b) => Math.min(a, b))));
  const high = Math.ceil(Math.log10(values.reduce((a, b) => Math.max(a, b))));
  const factors = high - low > 3 ? [1] : [1, 2, 5];
  return Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).flatMap((decade) =>
    factors.map((factor) => factor * decade),
  );
}
