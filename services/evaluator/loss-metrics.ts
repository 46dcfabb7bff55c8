import type { HeldOutGeneration } from "../pipeline/generation.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import type { Verdict } from "../pipeline/verdict.ts";
import type { Metrics } from "../runtime/metrics.ts";

export interface LossGauges {
  readonly questions: Pick<QuestionCount, "of">;
  /** `VerdictPolicy.horizon`. */
  readonly horizon: number | undefined;
}

/** What was measured on the generation of held-out rows in use. */
export interface LossMetrics {
  /** Sets the generation of held-out rows in use. Losses of earlier ones are removed. */
  generation(generation: HeldOutGeneration): void;
  /** Sets the newest losses, from any evaluator's verdict; not from one on an earlier generation of held-out rows. */
  losses(verdict: Verdict, candidateLoss?: number | null): void;
}

/** @param components names of the pipeline's components: the values of the label `component` */
export function createLossMetrics(metrics: Metrics, components: readonly string[], gauges: LossGauges): LossMetrics {
  const pipelineLoss = metrics.gauge({
    name: "uncouple_pipeline_loss",
    help: "Pipeline loss on held-out rows in a component's newest verdict, with its current and candidate snapshots.",
    labels: ["component", "role"],
  });
  const componentLoss = metrics.gauge({
    name: "uncouple_component_loss",
    help: "A component's own loss on held-out rows in its newest verdict, for its current and candidate snapshots.",
    labels: ["component", "role"],
  });
  const objectiveLoss = metrics.gauge({
    name: "uncouple_objective_loss",
    help: "Loss of each objective, without its weight, in a component's newest verdict; absent if there is only one objective.",
    labels: ["component", "objective", "role"],
  });
  const objectiveFlips = metrics.gauge({
    name: "uncouple_objective_negative_flip_rate",
    help: "As uncouple_negative_flip_rate, of each objective that predicts classes; absent if there is only one objective.",
    labels: ["component", "objective"],
  });
  const worstSlice = metrics.gauge({
    name: "uncouple_worst_slice_change",
    help: "Relative change of the pipeline loss on the worst slice of a component's newest verdict; absent without slices.",
    labels: ["component"],
  });
  const degradedSlices = metrics.gauge({
    name: "uncouple_degraded_slices",
    help: "Slices that a component's newest verdict calls degraded; absent without slices.",
    labels: ["component"],
  });
  const interfaceShift = metrics.gauge({
    name: "uncouple_interface_shift",
    help: "Mean distance between the outputs of a component's newest candidate and of its current snapshot on held-out rows, in standard deviations of the current one; absent unless others read it.",
    labels: ["component"],
  });
  const interfaceOutside = metrics.gauge({
    name: "uncouple_interface_outside",
    help: "Share of held-out rows that a component's newest candidate moved out of the 0.1 to 99.9 % range of the current output; absent unless others read it.",
    labels: ["component"],
  });
  const recovered = metrics.gauge({
    name: "uncouple_adapter_recovered",
    help: "Share of the harm of a component's newest candidate that an affine adapter removes; absent unless tested.",
    labels: ["component"],
  });
  const flips = metrics.gauge({
    name: "uncouple_negative_flip_rate",
    help: "Share of held-out rows right before and wrong with a component's newest candidate; absent unless the pipeline predicts classes.",
    labels: ["component"],
  });
  /** Of the losses; 0 for verdicts that do not say it. */
  let generation = 0;
  const advance = (to: number): boolean => {
    if (to < generation) return false;
    if (to > generation) {
      for (const component of components) {
        for (const role of ["current", "candidate"]) {
          pipelineLoss.remove({ component, role });
          componentLoss.remove({ component, role });
        }
        for (const gauge of [worstSlice, degradedSlices, flips, interfaceShift, interfaceOutside, recovered]) {
          gauge.remove({ component });
        }
        for (const objective of components) {
          objectiveFlips.remove({ component, objective });
          for (const role of ["current", "candidate"]) objectiveLoss.remove({ component, objective, role });
        }
      }
    }
    generation = to;
    return true;
  };
  const generationNumber = metrics.gauge({
    name: "uncouple_held_out_generation",
    help: "Number of the generation of held-out rows in use; losses of different generations cannot be compared.",
  });
  generationNumber.remove();
  let asked: number | undefined;
  metrics.gauge({
    name: "uncouple_held_out_questions",
    help: "Verdicts given on the generation of held-out rows in use.",
    labels: ["generation"],
    collect(gauge) {
      if (asked !== undefined && asked !== generation) gauge.remove({ generation: String(asked) });
      if (generation === 0) return;
      asked = generation;
      gauge.set({ generation: String(asked) }, gauges.questions.of(asked));
    },
  });
  const horizon = metrics.gauge({
    name: "uncouple_held_out_horizon",
    help: "Verdicts that the pipeline file declares a generation of held-out rows good for; absent without a horizon.",
  });
  if (gauges.horizon === undefined) horizon.remove();
  else horizon.set(gauges.horizon);

  return {
    generation({ generation: number, current, loss }) {
      const isNew = number > generation;
      advance(number);
      generationNumber.set(number);
      if (!isNew || loss === null) return;
      for (const component of components) {
        if (current[component] !== undefined) pipelineLoss.set({ component, role: "current" }, loss);
      }
    },
    losses(verdict, candidateLoss) {
      if (!advance(verdict.heldOut?.generation ?? 0)) return;
      const { component, comparison, interfaceShift: shift } = verdict;
      // Verdicts may name a component that was since removed from the pipeline file.
      if (!components.includes(component)) return;
      const set = (gauge: typeof pipelineLoss, role: "current" | "candidate", loss: number | null | undefined) => {
        if (loss !== null && loss !== undefined) gauge.set({ component, role }, loss);
      };
      // An earlier candidate's loss must not stand in for one that has none.
      if (verdict.reason === "not-finite") pipelineLoss.remove({ component, role: "candidate" });
      set(pipelineLoss, "current", comparison?.currentLoss);
      set(pipelineLoss, "candidate", comparison?.candidateLoss ?? candidateLoss);
      // A value of an earlier verdict must not stand in for one that this verdict does not have.
      const replace = <L extends string>(
        gauge: ReturnType<typeof metrics.gauge<NoInfer<L>>>,
        labels: Record<L, string>,
        value: number | null | undefined,
      ) => {
        if (value === null || value === undefined) gauge.remove(labels);
        else gauge.set(labels, value);
      };
      replace(worstSlice, { component }, comparison?.worstSlice?.relative);
      replace(degradedSlices, { component }, comparison?.slices?.filter(({ kind }) => kind === "degraded").length);
      replace(flips, { component }, comparison?.negativeFlips?.rate);
      replace(interfaceShift, { component }, shift?.shift);
      // What an output leaves of its own range is no news: in wide outputs, most rows have such a coordinate.
      const left = shift && Math.max(0, shift.outside.candidate - shift.outside.current);
      replace(interfaceOutside, { component }, left);
      replace(recovered, { component }, shift?.adapter?.recovered);
      for (const objective of components) {
        const found = comparison?.objectives?.find((one) => one.component === objective);
        replace(objectiveLoss, { component, objective, role: "current" }, found?.currentLoss);
        replace(objectiveLoss, { component, objective, role: "candidate" }, found?.candidateLoss);
        replace(objectiveFlips, { component, objective }, found?.negativeFlips?.rate);
      }
      set(componentLoss, "current", verdict.componentLoss.current);
      set(componentLoss, "candidate", verdict.componentLoss.candidate);
    },
  };
}
