import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";

/**
 * Chooses among named things, in their own order.
 *
 * @param chosen names, or the part before the colon of several: `causal` for `causal:pooled` and `causal:matching`;
 *   all of them if undefined
 * @throws UncoupleError `invalid-argument` naming an unknown one and the known ones
 */
export function chooseNamed<T extends { readonly name: string }>(
  what: string,
  chosen: readonly string[] | undefined,
  all: readonly T[],
): readonly T[] {
  if (chosen === undefined) return all;
  const matches = (name: string, known: string) => known === name || known.startsWith(`${name}:`);
  const unknown = chosen.find((name) => !all.some((each) => matches(name, each.name)));
  if (unknown !== undefined) {
    const names = all.map(({ name }) => name);
    throw new UncoupleError(
      "invalid-argument",
      `unknown ${what} "${unknown}"; available: ${names.join(", ")}${didYouMean(unknown, names)}`,
    );
  }
  return all.filter((each) => chosen.some((name) => matches(name, each.name)));
}
