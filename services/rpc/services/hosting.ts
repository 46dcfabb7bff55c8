import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";

/** The services of the components that one process hosts. */
export interface Hosting<S> {
  /** At least one. */
  readonly components: readonly string[];
  /**
   * @param component may be left out if there is only one
   * @throws UncoupleError `invalid-argument` if it is left out and there are several, listing them; `not-found` for one that is
   *   not hosted here
   */
  of(component: string | undefined): S;
}

export function hosting<S>(services: ReadonlyMap<string, S>): Hosting<S> {
  const components = [...services.keys()];
  const list = components.join(", ");
  return {
    components,
    of(component) {
      const [only, second] = components;
      const name = component ?? (second === undefined ? only : undefined);
      if (name === undefined) {
        throw new UncoupleError("invalid-argument", `this trainer hosts several components; name one of: ${list}`);
      }
      const service = services.get(name);
      if (service !== undefined) return service;
      const trains = second === undefined ? `component ${list}` : `components ${list}`;
      throw new UncoupleError("not-found", `this trainer trains ${trains}, not ${name}${didYouMean(name, components)}`);
    },
  };
}
