import { didYouMean } from "../../common/suggest.ts";
import { findCycle } from "../dag.ts";
import type { ComponentDraft, DraftEdges } from "./component-draft.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

/**
 * What must hold between the components of a pipeline, beyond the form of each.
 * @param drafts the well-formed components; @param all that are in the file
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
  // Each cycle found is cut at its first edge, so that the next one shows.
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
      reporter.report(["components", name, "output", "name"], `"${output.name}" is the output of ${first} already`);
    }
  }
}

function checkOutput(draft: ComponentDraft, reporter: Reporter): void {
  const { output, loss } = draft;
  const path = ["components", draft.name];
  const { classes } = output;
  if (draft.logged !== undefined && loss !== "policy") {
    reporter.report([...path, "loss"], `a target of logged actions needs the loss policy, not ${loss}`);
  }
  if (output.meaning === "scalar" && output.width !== 1) {
    reporter.report([...path, "output", "width"], `a scalar has width 1, not ${output.width}`);
  }
  if (output.meaning === "probabilities") {
    if (output.width < 2) reporter.report([...path, "output", "width"], "probabilities need at least two classes");
    if (loss === "mse") {
      reporter.report([...path, "loss"], "mse does not fit probabilities; cross-entropy and policy do");
    }
  } else {
    if (loss !== "mse") {
      reporter.report([...path, "loss"], `${loss} needs an output of probabilities, not ${output.meaning}`);
    }
    if (classes !== undefined) {
      reporter.report(
        [...path, "output", "classes"],
        `only probabilities have classes, and the meaning is ${output.meaning}`,
      );
    }
  }
  if (loss === "cross-entropy" && output.meaning === "probabilities" && classes === undefined) {
    reporter.report(
      [...path, "output"],
      "classes is missing: the texts of the target column, in the order of the output's coordinates",
    );
  }
  if (classes === undefined) return;
  if (classes.length !== output.width) {
    reporter.report([...path, "output", "classes"], `${classes.length} classes do not fit a width of ${output.width}`);
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
      reporter.report(path, `no component is called "${edge.component}"${didYouMean(edge.component, names)}`);
      return;
    }
    const output = byName.get(edge.component)?.output;
    if (output === undefined) return;
    if (edge.width !== undefined && edge.width !== output.width) {
      reporter.report(
        [...path, "width"],
        `${draft.name} expects a width of ${edge.width}, and ${edge.component} emits ${output.width}`,
      );
    }
    if (edge.meaning !== undefined && edge.meaning !== output.meaning) {
      reporter.report(
        [...path, "meaning"],
        `${draft.name} expects ${edge.meaning}, and ${edge.component} emits ${output.meaning}`,
      );
    }
  });
}

function checkInputs(draft: ComponentDraft, drafts: readonly ComponentDraft[], reporter: Reporter): void {
  const path = ["components", draft.name];
  if (draft.columns.length === 0 && draft.upstream.length === 0) {
    reporter.report(path, "reads nothing: give it columns, upstream or both");
  }
  draft.columns.forEach((column, index) => {
    const at = [...path, "columns", index];
    if (targetsOf(draft).includes(column)) {
      reporter.report(at, `${draft.name} reads its own target "${column}"`);
      return;
    }
    const owner = drafts.find((other) => targetsOf(other).includes(column));
    if (owner !== undefined) {
      reporter.report(
        at,
        `"${column}" is the target of ${owner.name}, which no other team sees; read its prediction (upstream: [${owner.name}])`,
      );
    }
  });
  // Inputs and output share the name space of one ONNX graph.
  const inputs = new Set(draft.columns);
  draft.upstream.forEach((upstream, index) => {
    const name = drafts.find((other) => other.name === upstream)?.output.name;
    if (name === undefined) return;
    if (inputs.has(name)) {
      reporter.report(
        [...path, "upstream", index],
        `the output "${name}" of ${upstream} has the name of another input`,
      );
    }
    inputs.add(name);
  });
  if (inputs.has(draft.output.name) && !draft.upstream.includes(draft.name)) {
    reporter.report([...path, "output", "name"], `"${draft.output.name}" is the name of an input too`);
  }
}

function targetsOf({ target, logged }: ComponentDraft): readonly string[] {
  return logged === undefined ? [target] : [target, logged.action, logged.propensity];
}
