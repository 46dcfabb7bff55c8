import type { NumericColumn, Table } from "../data/table/table.ts";
import { rowLosses, targetOf } from "../data/targets/losses.ts";
import { targetColumn } from "../data/targets/target-column.ts";
import { annotatedOutput } from "../learning/counterfactual/annotation.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { objectiveClosure, objectivesOf } from "../pipeline/objectives.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { AnnotatedEdge, AnnotatedLosses, ReplacedOutput } from "../verdicts/composed-losses.ts";
import { weightedSum } from "../verdicts/pipeline-loss.ts";
import type { Composer } from "./composer.ts";

/** Rows with annotated upstream outputs, and the pipeline's losses on them. */
export interface AnnotatedRows {
  readonly rows: number;
  readonly edges: readonly AnnotatedEdge[];
  /** For each of `edges`: the downstream reads the annotated output of the upstream. */
  readonly replaced: readonly ReplacedOutput[];
  /**
   * @param composition a serial for the objective and for everything upstream of it
   * @param variants what each replaces; nothing: as it is composed
   * @returns the pipeline losses of each variant, [rows]
   * @throws SnapshotFault as `ComposedLosses.rowLosses`
   */
  rowLosses(
    composition: Composition,
    variants: readonly (readonly ReplacedOutput[])[],
  ): Promise<readonly Float64Array[]>;
}

/**
 * @param table the annotated rows, with every input and target column of the pipeline
 * @param composer of these rows
 * @param onMissing called with the reason for each edge whose upstream output the annotation does not determine
 */
export function createAnnotatedRows(
  pipeline: Pipeline,
  table: Table,
  composer: Pick<Composer, "outputs">,
  onMissing: (upstream: string, downstream: string, reason: string) => void,
): AnnotatedRows {
  const objectives = objectivesOf(pipeline);
  const measured = objectives.map((objective) => {
    const component = componentNamed(pipeline, objective.component);
    return { component, target: targetOf(component, targetColumn(component, table)) };
  });
  const truths = new Map(
    pipeline.components.map((component) => [component.name, annotatedOutput(component, table)] as const),
  );
  const edges: AnnotatedEdge[] = [];
  const replaced: ReplacedOutput[] = [];
  for (const downstream of objectiveClosure(pipeline)) {
    for (const upstream of componentNamed(pipeline, downstream).upstream) {
      const truth = truths.get(upstream) as NonNullable<ReturnType<typeof truths.get>>;
      if ("missing" in truth) {
        onMissing(upstream, downstream, truth.missing);
        continue;
      }
      edges.push({ upstream, downstream, isLabel: isLabel(pipeline, upstream, truth, table) });
      replaced.push({ component: upstream, consumers: [downstream], values: truth.values });
    }
  }
  return {
    rows: table.rows,
    edges,
    replaced,
    async rowLosses(composition, variants) {
      const parts: (readonly Float64Array[])[] = [];
      for (const { component, target } of measured) {
        const outputs = await composer.outputs(component.name, composition, variants);
        parts.push(outputs.map((values) => rowLosses(component, values, target)));
      }
      return variants.map((_, index) =>
        weightedSum(
          objectives,
          parts.map((losses) => losses[index] as Float64Array),
        ),
      );
    },
  };
}

/** Measures the pipeline's losses on annotated rows, with the annotation of one edge at a time. */
export function createAnnotatedLosses({ rows, edges, replaced, rowLosses }: AnnotatedRows): AnnotatedLosses {
  return {
    rows,
    edges,
    async rowLosses(composition) {
      const [composed, ...annotated] = await rowLosses(composition, [[], ...replaced.map((one) => [one])]);
      return { composed: composed as Float64Array, annotated };
    },
  };
}

/** Annotated probabilities are used as they are; of a label there is only its one-hot row. */
function isLabel(pipeline: Pipeline, upstream: string, truth: NumericColumn, table: Table): boolean {
  const { output, target } = componentNamed(pipeline, upstream);
  return output.meaning === "probabilities" && truth !== table.columns[target];
}
