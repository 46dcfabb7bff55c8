/**
 * Calls back for each part of a range of values that lies in one of several arrays, which follow one another.
 *
 * @param lengths of the arrays
 * @param visit is given the array, where the part begins in it and in the range, and its length
 */
export function eachPiece(
  lengths: readonly number[],
  from: number,
  count: number,
  visit: (array: number, start: number, offset: number, length: number) => void,
): void {
  let begin = 0;
  for (const [array, length] of lengths.entries()) {
    const [first, last] = [Math.max(from, begin), Math.min(from + count, begin + length)];
    if (first < last) visit(array, first - begin, first - from, last - first);
    begin += length;
  }
}
