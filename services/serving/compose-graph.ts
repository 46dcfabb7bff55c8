import { UncoupleError } from "../common/errors.ts";
import { decodeModel } from "../engine/compiler/onnx/decode-model.ts";
import { PRODUCER } from "../engine/compiler/onnx/emit-onnx.ts";
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "../engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../engine/compiler/onnx/onnx-proto.ts";
import type { PipelineShape } from "./pipeline-shape.ts";

/** Models that no single graph can hold, such as two that need different versions of an operator set. */
export class NotComposable extends UncoupleError {
  constructor(why: string) {
    super("failed-precondition", why);
  }
}

/**
 * Composes the models of a pipeline into one ONNX model. Its inputs are the data columns, each once; its outputs are those of
 * all components, named by `composedOutput`; the first dimension of all is `rows`.
 *
 * @param pipeline components without a model, and those that read them, are left out
 * @param models bytes by component, of snapshots that were inspected
 * @throws NotComposable
 */
export function composeGraph(pipeline: PipelineShape, models: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Part[] = [];
  for (const component of pipeline.components) {
    const bytes = models.get(component.name);
    const upstream = parts.filter((part) => component.upstream.includes(part.component));
    if (bytes === undefined || upstream.length < component.upstream.length) continue;
    const outputs = new Map(upstream.map((part) => [part.output, composedOutput(part.component, part.output)]));
    parts.push({ component: component.name, output: component.output, model: decodeModel(bytes), outputs });
  }
  if (parts.length === 0) throw new NotComposable("no component has a model and those of all that it reads");
  const graphs = parts.map(prefixed);
  return encodeModel({
    irVersion: Math.max(...parts.map(({ model }) => model.irVersion ?? 0)),
    producerName: PRODUCER,
    opsetImport: commonOpsets(parts),
    graph: {
      name: pipeline.name,
      node: graphs.flatMap(({ node }) => node ?? []),
      initializer: graphs.flatMap(({ initializer }) => initializer ?? []),
      input: sharedInputs(parts),
      output: graphs.flatMap(({ output }) => output ?? []),
    },
  });
}

/** The name of a component's output in a composed graph: `click/probabilities`. */
export function composedOutput(component: string, output: string): string {
  return `${component}/${output}`;
}

interface Part {
  readonly component: string;
  readonly output: string;
  readonly model: ModelProto;
  /** What the upstream outputs that it reads are called in the composed graph. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** Operator sets by domain. @throws NotComposable if two models need different versions of one */
function commonOpsets(parts: readonly Part[]): { domain: string; version: number }[] {
  const needed = new Map<string, { readonly version: number; readonly component: string }>();
  for (const { component, model } of parts) {
    for (const { domain = "", version = 0 } of model.opsetImport ?? []) {
      // Both names are of the operators of ONNX itself.
      const name = domain === "ai.onnx" ? "" : domain;
      const known = needed.get(name);
      if (known !== undefined && known.version !== version) {
        throw new NotComposable(
          `${known.component} needs version ${known.version} of the operator set ${name === "" ? "ai.onnx" : name}, and ${component} version ${version}: export both for one version`,
        );
      }
      needed.set(name, known ?? { version, component });
    }
  }
  return [...needed].map(([domain, { version }]) => ({ domain, version }));
}

/** The data columns of all models. @throws NotComposable if two models read a column with different types */
function sharedInputs(parts: readonly Part[]): ValueInfoProto[] {
  const inputs = new Map<string, { readonly input: ValueInfoProto; readonly component: string }>();
  for (const part of parts) {
    for (const input of dataInputs(part)) {
      const name = input.name ?? "";
      const known = inputs.get(name);
      if (known !== undefined && typeText(known.input) !== typeText(input)) {
        throw new NotComposable(
          `${known.component} and ${part.component} read column ${name} with different types: ${typeText(known.input)} and ${typeText(input)}`,
        );
      }
      if (known === undefined) inputs.set(name, { input, component: part.component });
    }
  }
  for (const name of inputs.keys()) {
    const namesake = parts.find(({ component }) => name.startsWith(`${component}/`));
    if (namesake !== undefined) {
      throw new NotComposable(
        `column ${name} could have the name of a value of ${namesake.component}: rename the column`,
      );
    }
  }
  return [...inputs.values()].map(({ input }) => overRows(input));
}

/** The inputs of a model that are data columns. Initializers may have default values among the inputs. */
function dataInputs({ model, outputs }: Part): readonly ValueInfoProto[] {
  const constants = new Set(model.graph?.initializer?.map(({ name }) => name));
  return (model.graph?.input ?? []).filter(({ name = "" }) => !outputs.has(name) && !constants.has(name));
}

/** Element type and dimensions but the first, `1x[3]`. */
function typeText({ type }: ValueInfoProto): string {
  const [, ...rest] = type?.tensorType?.shape?.dim ?? [];
  return `${type?.tensorType?.elemType}x[${rest.map(({ dimValue, dimParam }) => dimValue ?? dimParam ?? "?").join(",")}]`;
}

/** Models of several programs name the number of rows differently. */
function overRows(info: ValueInfoProto): ValueInfoProto {
  const tensor = info.type?.tensorType;
  const [, ...rest] = tensor?.shape?.dim ?? [];
  return { ...info, type: { tensorType: { ...tensor, shape: { dim: [{ dimParam: "rows" }, ...rest] } } } };
}

/** The graph of a model with names that no other model of the composed graph has; only data columns keep theirs. */
function prefixed(part: Part): GraphProto {
  const { component, output, model, outputs } = part;
  const kept = new Set(dataInputs(part).map(({ name }) => name));
  const rename = (name = "") => {
    if (name === "" || kept.has(name)) return name;
    return outputs.get(name) ?? `${component}/${name}`;
  };
  const graph = model.graph ?? {};
  const named = renamedGraph(graph, rename);
  // Others, such as the labels beside probabilities, are not read.
  const own = (graph.output ?? []).filter(({ name }) => name === output);
  return { ...named, output: own.map((info) => overRows({ ...info, name: rename(info.name) })) };
}

type Rename = (name: string | undefined) => string;

function renamedGraph(graph: GraphProto, rename: Rename): GraphProto {
  const info = (values: readonly ValueInfoProto[] = []) => values.map((one) => ({ ...one, name: rename(one.name) }));
  if ((graph.sparseInitializer?.length ?? 0) > 0) throw new NotComposable("a model has sparse constants");
  return {
    name: rename(graph.name),
    node: (graph.node ?? []).map((node) => renamedNode(node, rename)),
    initializer: (graph.initializer ?? []).map((tensor): TensorProto => ({ ...tensor, name: rename(tensor.name) })),
    input: info(graph.input),
    output: info(graph.output),
  };
}

/** Names of inner graphs are those of the outer one or new ones: one rule renames both. */
function renamedNode(node: NodeProto, rename: Rename): NodeProto {
  return {
    ...node,
    ...(node.name !== undefined && { name: rename(node.name) }),
    input: (node.input ?? []).map(rename),
    output: (node.output ?? []).map(rename),
    attribute: (node.attribute ?? []).map(
      (attribute): AttributeProto =>
        attribute.g === undefined ? attribute : { ...attribute, g: renamedGraph(attribute.g, rename) },
    ),
  };
}
