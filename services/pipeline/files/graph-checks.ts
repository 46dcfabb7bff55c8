import { didYouMean } from "../../common/suggest.ts";
import { findCycle } from "../dag.ts";
import type { ComponentDraft, DraftEdges } from "./component-draft.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

/**
 * Checks the relations between the components of a pipeline.
 * @param drafts the well-formed components; @param all all components in the file
 */
export function checkGraph(drafts: readonly ComponentDraft[], all: readonly DraftEdges[], reporter: Reporter): void {
  const names = all.map(({ name }) => name);
  checkCycles(all, reporter);
  checkOutputNames(drafts, reporter);
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  for (const draft of drafts) {
    checkOutput(draft, reporter);
    checkEdges(draft, byName, names, reporter);
    checkInputs(draft, drafts, reporter);
  }
}

function checkCycles(all: readonly DraftEdges[], reporter: Reporter): void {
  let nodes = all;
  // Cut each cycle at its first edge to find the next one.
  for (let cycle = findCycle(nodes); cycle !== undefined; cycle = findCycle(nodes)) {
    const [reader, read] = cycle as readonly [string, string];
    const index = all.find(({ name }) => name === reader)?.upstream.indexOf(read) ?? 0;
    reporter.report(
      ["components", reader, "upstream", index],
      reader === read ? `${reader} reads its own output` : `the components form a cycle: ${cycle.join(" <- ")}`,
    );
    nodes = nodes.map((node) =>
      node.name === reader ? { ...node, upstream: node.upstream.filter((name) => name !== read) } : node,
    );
  }
}

function checkOutputNames(drafts: readonly ComponentDraft[], reporter: Reporter): void {
  const owner = new Map<string, string>();
  for (const { name, output } of drafts) {
    const first = owner.get(output.name);
    if (first === undefined) owner.set(output.name, name);
    else {
      reporter.report(
        ["components", name, "output", "name"],
        `"${output.name}" is already the output of ${first}; rename one of them`,
      );
    }
  }
}

function checkOutput(draft: ComponentDraft, reporter: Reporter): void {
  const { output, loss } = draft;
  const path = ["components", draft.name];
  const { classes } = output;
  if (draft.logged !== undefined && loss !== "policy") {
    reporter.report([...path, "loss"], `must be policy for a target of logged actions, not ${loss}`);
  }
  if (output.meaning === "scalar" && output.width !== 1) {
    reporter.report([...path, "output", "width"], `must be 1 for a scalar, not ${output.width}`);
  }
  if (output.meaning === "probabilities") {
    if (output.width < 2) {
      reporter.report([...path, "output", "width"], `must be at least 2 for probabilities, not ${output.width}`);
    }
    if (loss === "mse") {
      reporter.report([...path, "loss"], "must be cross-entropy or policy for an output of probabilities, not mse");
    }
  } else {
    if (loss !== "mse") {
      reporter.report(
        [...path, "loss"],
        `${loss} requires an output of probabilities, but its meaning is ${output.meaning}`,
      );
    }
    if (classes !== undefined) {
      reporter.report(
        [...path, "output", "classes"],
        `classes require an output of probabilities, but its meaning is ${output.meaning}`,
      );
    }
  }
  if (loss === "cross-entropy" && output.meaning === "probabilities" && classes === undefined) {
    reporter.report(
      [...path, "output"],
      "classes is missing; list the values of the target column, in the order of the output's coordinates",
    );
  }
  if (classes === undefined) return;
  if (classes.length !== output.width) {
    reporter.report(
      [...path, "output", "classes"],
      `lists ${classes.length} classes, but the output has width ${output.width}`,
    );
  }
  reportRepeats(classes, [...path, "output", "classes"], reporter);
}

function checkEdges(
  draft: ComponentDraft,
  byName: ReadonlyMap<string, ComponentDraft>,
  names: readonly string[],
  reporter: Reporter,
): void {
  draft.edges.forEach((edge, index) => {
    const path = ["components", draft.name, "upstream", index];
    if (!names.includes(edge.component)) {
      const hint = didYouMean(edge.component, names);
      reporter.report(path, `unknown component "${edge.component}"; available: ${names.join(", ")}${hint}`);
      return;
    }
    const output = byName.get(edge.component)?.output;
    if (output === undefined) return;
    if (edge.width !== undefined && edge.width !== output.width) {
      reporter.report(
        [...path, "width"],
        `${draft.name} expects width ${edge.width}, but ${edge.component} emits width ${output.width}`,
      );
    }
    if (edge.meaning !== undefined && edge.meaning !== output.meaning) {
      reporter.report(
        [...path, "meaning"],
        `${draft.name} expects ${edge.meaning}, but ${edge.component} emits ${output.meaning}`,
      );
    }
  });
}

function checkInputs(draft: ComponentDraft, drafts: readonly ComponentDraft[], reporter: Reporter): void {
  const path = ["components", draft.name];
  if (draft.columns.length === 0 && draft.upstream.length === 0) {
    reporter.report(path, "has no inputs; add columns, upstream, or both");
  }
  draft.columns.forEach((column, index) => {
    const at = [...path, "columns", index];
    if (targetsOf(draft).includes(column)) {
      reporter.report(at, `"${column}" is the target of ${draft.name} itself; remove it from columns`);
      return;
    }
    const owner = drafts.find((other) => targetsOf(other).includes(column));
    if (owner !== undefined) {
      reporter.report(
        at,
        `"${column}" is the target of ${owner.name}, which other teams cannot see; read its prediction instead (upstream: [${owner.name}])`,
      );
    }
  });
  // Inputs and output share the namespace of one ONNX graph.
  const inputs = new Set(draft.columns);
  draft.upstream.forEach((upstream, index) => {
    const name = drafts.find((other) => other.name === upstream)?.output.name;
    if (name === undefined) return;
    if (inputs.has(name)) {
      reporter.report(
        [...path, "upstream", index],
        `the output "${name}" of ${upstream} has the same name as another input; rename one of them`,
      );
    }
    inputs.add(name);
  });
  if (inputs.has(draft.output.name) && !draft.upstream.includes(draft.name)) {
    reporter.report(
      [...path, "output", "name"],
      `"${draft.output.name}" is also the name of an input; rename one of them`,
    );
  }
}

function targetsOf({ target, logged }: ComponentDraft): readonly string[] {
  return logged === undefined ? [target] : [target, logged.action, logged.propensity];
}
