import { UncoupleError } from "../../common/errors.ts";

export interface ClosedSet<D extends string, W extends string> {
  encode(value: D): W;
  /** @throws UncoupleError `data-loss` for a missing value, or one that only a newer version knows */
  decode(value: string | number): D;
}

/** Converts an enumeration in both directions; `map` covers all values of the domain. */
export function closedSet<D extends string, W extends string>(
  what: string,
  map: Readonly<Record<D, W>>,
): ClosedSet<D, W> {
  const back = new Map<string | number, D>((Object.keys(map) as D[]).map((value) => [map[value], value]));
  return {
    encode: (value) => map[value],
    decode(value) {
      const known = back.get(value);
      if (known === undefined) {
        throw new UncoupleError("data-loss", `${what} ${value} is not known to this version of Uncouple`);
      }
      return known;
    },
  };
}
