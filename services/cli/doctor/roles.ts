import { InvalidArgumentError } from "commander";
import type { PipelineContent } from "../../pipeline/pipeline-content.ts";
import type { Role } from "../../registry/jetstream/grants.ts";

/** Parses `operator`, `evaluator`, `trainer:COMPONENT` or `follower:NAME`, and adds it. @throws InvalidArgumentError */
export function addRole(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^(operator|evaluator|(trainer|follower):[^:\s]+)$/.test(text)) {
    throw new InvalidArgumentError("Expected operator, evaluator, trainer:COMPONENT or follower:NAME.");
  }
  return [...before, text];
}

/** The name of a role, as `addRole` takes it. */
export function roleName(role: Role): string {
  if (role.kind === "trainer") return `trainer:${role.components.join(",")}`;
  return role.kind === "follower" ? `follower:${role.name}` : role.kind;
}

/** The roles of a pipeline, and those that were named: trainers of one component each, evaluators, operators, followers. */
export function rolesOf(file: PipelineContent | undefined, named: readonly string[]): readonly Role[] {
  const components = (file?.components ?? {}) as Readonly<Record<string, { readonly from?: unknown }>>;
  const ofFile = Object.keys(components).filter((name) => components[name]?.from === undefined);
  const links = Object.keys(components).filter((name) => !ofFile.includes(name));
  const namesOf = (kind: string) =>
    named.flatMap((name) => (name.startsWith(`${kind}:`) ? [name.slice(kind.length + 1)] : []));
  return [
    ...[...new Set([...ofFile, ...namesOf("trainer")])].map(
      (component): Role => ({ kind: "trainer", components: [component] }),
    ),
    { kind: "evaluator", deletes: file?.retention !== undefined, links },
    { kind: "operator" },
    ...namesOf("follower").map((name): Role => ({ kind: "follower", name })),
  ];
}
