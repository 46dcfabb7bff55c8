import { didYouMean } from "../../common/suggest.ts";
import { plain } from "../terminal/style.ts";

/**
 * What stands in the place of an empty list: `no snapshots of m9 yet; there are some of: m1, m2`.
 * @param what plural; @param component the one that was asked for, if any
 * @param others the components that have some
 */
export function nothingYet(what: string, component: string | undefined, others: Iterable<string>): string {
  if (component === undefined) return `no ${what} yet`;
  const known = [...new Set(others)];
  const some = known.length === 0 ? "" : `; there are some of: ${known.join(", ")}${didYouMean(component, known)}`;
  return plain(`no ${what} of ${component} yet${some}`);
}
