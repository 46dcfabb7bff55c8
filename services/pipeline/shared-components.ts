import { type DagNode, findCycle } from "./dag.ts";
import type { Component, Pipeline } from "./pipeline.ts";
import type { PipelineContent } from "./pipeline-content.ts";
import type { SharedFrom } from "./shared.ts";

/** What a component has to agree on with its owner: everything that the file of the owner says about it. */
export type SharedContract = Omit<Component, "name" | "from">;

/** The components that other pipelines train. */
export function sharedComponents(pipeline: Pick<Pipeline, "components">): readonly SharedComponent[] {
  return pipeline.components.filter((component): component is SharedComponent => component.from !== undefined);
}

export type SharedComponent = Component & { readonly from: SharedFrom };

/** The same of a pipeline file's content. */
export function sharedIn(content: PipelineContent): readonly SharedComponent[] {
  return Object.entries(componentsOf(content)).flatMap(([name, { from, ...contract }]) =>
    from === undefined ? [] : [{ ...contract, name, from }],
  );
}

/** The pipelines that a pipeline uses components of, each once. */
export function ownersOf(pipeline: Pick<Pipeline, "components">): readonly string[] {
  return [...new Set(sharedComponents(pipeline).map(({ from }) => from.pipeline))];
}

/** The component of a pipeline file's content; undefined if the file has none of that name. */
export function contractIn(content: PipelineContent, component: string): SharedContract | undefined {
  const components = componentsOf(content);
  return Object.hasOwn(components, component) ? components[component] : undefined;
}

/**
 * Where the inputs of a component come from: `ads/user` for each upstream component, or what that one is itself `from`.
 * @param pipeline of the content
 */
export function upstreamOrigins(content: PipelineContent, pipeline: string, component: string): readonly string[] {
  const { upstream = [] } = contractIn(content, component) ?? {};
  const components = componentsOf(content);
  return upstream.map((name) => {
    const from = components[name]?.from;
    return from === undefined ? `${pipeline}/${name}` : `${from.pipeline}/${from.component}`;
  });
}

/** What the file of a pipeline says. */
export interface NamedContent {
  readonly name: string;
  readonly content: PipelineContent;
}

/**
 * Why a component does not agree with the pipeline file of its owner, in one clause; undefined if it does.
 * @param using the file that has the component
 * @param owner the file of the owner; undefined if it has applied none
 */
export function disagreement(
  component: SharedComponent,
  using: NamedContent,
  owner: PipelineContent | undefined,
): string | undefined {
  const { from } = component;
  if (owner === undefined) return `pipeline ${from.pipeline} has applied no pipeline file`;
  const theirs = contractIn(owner, from.component);
  if (theirs === undefined) return `pipeline ${from.pipeline} has no component ${from.component} any more`;
  const facts = ({ columns, output, loss, target, logged }: SharedContract, upstream: readonly string[]) => ({
    columns: [...columns].sort(),
    upstream: [...upstream].sort(),
    "output.name": output.name,
    "output.width": output.width,
    "output.meaning": output.meaning,
    "output.classes": output.classes,
    loss,
    target: logged === undefined ? target : { reward: target, action: logged.action, propensity: logged.propensity },
  });
  const ours = facts(component, upstreamOrigins(using.content, using.name, component.name));
  const wanted = facts(theirs, upstreamOrigins(owner, from.pipeline, from.component));
  const text = (value: unknown) => (value === undefined ? "not set" : JSON.stringify(value));
  for (const key of Object.keys(wanted) as (keyof typeof wanted)[]) {
    const [here, there] = [text(ours[key]), text(wanted[key])];
    if (here !== there) return `\`${key}\` is ${there} in pipeline ${from.pipeline}, but ${here} here`;
  }
  return undefined;
}

/**
 * Finds a cycle through several pipelines: something that a component's snapshots depend on, in its own pipeline or through
 * the pipelines that share with it, is the component itself.
 * @param files the contents of pipeline files, by the name of the pipeline; those that are not known have no edges
 * @returns the cycle as a path that ends at its start, each reading from the next: `["u/x", "ads/x", "ads/y", "u/y", "u/x"]`
 */
export function findSharedCycle(files: ReadonlyMap<string, PipelineContent>): readonly string[] | undefined {
  const nodes: DagNode[] = [];
  for (const [pipeline, content] of files) {
    for (const [name, { upstream, from }] of Object.entries(componentsOf(content))) {
      const read = upstream.map((other) => `${pipeline}/${other}`);
      const origin = from === undefined ? [] : [`${from.pipeline}/${from.component}`];
      nodes.push({ name: `${pipeline}/${name}`, upstream: [...origin, ...read] });
    }
  }
  return findCycle(nodes);
}

/** The pipelines that the components of a file's content come from. */
export function ownersIn(content: PipelineContent): readonly string[] {
  const origins = Object.values(componentsOf(content)).flatMap(({ from }) =>
    from === undefined ? [] : [from.pipeline],
  );
  return [...new Set(origins)];
}

type StoredComponents = Readonly<Record<string, SharedContract & { readonly from?: SharedFrom }>>;

/** By name. */
function componentsOf(content: PipelineContent): StoredComponents {
  return (content as { readonly components?: StoredComponents }).components ?? {};
}
