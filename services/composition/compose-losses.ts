import { rowErrors, rowLosses, type Target } from "../data/targets/losses.ts";
import { componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import type { Composer } from "./composer.ts";

/** Measures losses of composed outputs. @param targets targets of every component, by name */
export function composeLosses(
  pipeline: Pipeline,
  composer: Pick<Composer, "output" | "prepare" | "check">,
  targets: ReadonlyMap<string, Target>,
): ComposedLosses {
  return {
    check: composer.check,
    prepare: composer.prepare,
    output: (name, composition) => composer.output(name, composition),
    async rowLosses(name, composition, replaced) {
      const predictions = await composer.output(name, composition, replaced && [replaced]);
      return rowLosses(componentNamed(pipeline, name), predictions, targets.get(name) as Target);
    },
    async rowErrors(name, composition) {
      const target = targets.get(name) as Target;
      if (target.kind !== "classes") return undefined;
      return rowErrors(componentNamed(pipeline, name), await composer.output(name, composition), target);
    },
  };
}
