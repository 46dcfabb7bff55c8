/** Parses a percentage with its sign, such as `0.5 %` or `99%`. @returns a fraction; undefined for anything else */
export function parsePercent(text: string): number | undefined {
  const [, number] = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) / 100;
}
