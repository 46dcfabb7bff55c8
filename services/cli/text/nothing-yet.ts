import { didYouMean } from "../../common/suggest.ts";
import { plain } from "../terminal/style.ts";

/**
 * Text in place of an empty list: `no snapshots of m9 yet; available for: m1, m2`.
 * @param what plural; @param component the requested component, if any
 * @param others components that have some
 */
export function nothingYet(what: string, component: string | undefined, others: Iterable<string>): string {
  if (component === undefined) return `no ${what} yet`;
  const known = [...new Set(others)];
  const available = known.length === 0 ? "" : `; available for: ${known.join(", ")}${didYouMean(component, known)}`;
  return plain(`no ${what} of ${component} yet${available}`);
}
