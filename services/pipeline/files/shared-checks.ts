import { contentOf } from "../pipeline-content.ts";
import { disagreement, findSharedCycle, sharedComponents } from "../shared-components.ts";
import type { ParsedPipeline } from "./pipeline-file.ts";
import type { Problem } from "./problem.ts";
import { createReporter } from "./yaml-file.ts";

/**
 * Checks pipeline files against each other: the contracts of components that one of them has from another, and cycles through
 * several. Owners that are not among them are not known.
 */
export function checkSharedBetween(parsed: readonly ParsedPipeline[]): readonly Problem[] {
  const files = new Map(parsed.map(({ pipeline }) => [pipeline.name, contentOf(pipeline)]));
  const cycle = findSharedCycle(files);
  return parsed.flatMap(({ pipeline, map }) => {
    const reporter = createReporter(map);
    const using = { name: pipeline.name, content: contentOf(pipeline) };
    for (const component of sharedComponents(pipeline)) {
      const { from, name } = component;
      const path = ["components", name, "from"];
      if (cycle?.includes(`${pipeline.name}/${name}`)) {
        reporter.report(path, `depends on itself through other pipelines: ${cycle.join(" <- ")}`);
      }
      const owner = files.get(from.pipeline);
      const why = owner && disagreement(component, using, owner);
      if (why !== undefined) reporter.report(path, `${why}; run \`uncouple pipeline lock ${reporter.file}\``);
    }
    return reporter.problems;
  });
}
