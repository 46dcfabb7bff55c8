import { InvalidArgumentError } from "commander";
import type { PipelineContent } from "../../pipeline/pipeline-content.ts";
import type { Role } from "../../registry/jetstream/grants.ts";

/** Parses `operator`, `evaluator` or `trainer:COMPONENT`, and adds it. @throws InvalidArgumentError */
export function addRole(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^(operator|evaluator|trainer:[^:\s]+)$/.test(text)) {
    throw new InvalidArgumentError("Expected operator, evaluator or trainer:COMPONENT.");
  }
  return [...before, text];
}

/** The name of a role, as `addRole` takes it. */
export function roleName(role: Role): string {
  return role.kind === "trainer" ? `trainer:${role.components.join(",")}` : role.kind;
}

/** The roles of a pipeline, and those that were named: trainers of one component each, evaluators and operators. */
export function rolesOf(file: PipelineContent | undefined, named: readonly string[]): readonly Role[] {
  const ofFile = Object.keys((file?.components ?? {}) as object);
  const ofNames = named.flatMap((name) => (name.startsWith("trainer:") ? [name.slice("trainer:".length)] : []));
  return [
    ...[...new Set([...ofFile, ...ofNames])].map((component): Role => ({ kind: "trainer", components: [component] })),
    { kind: "evaluator", deletes: file?.retention !== undefined },
    { kind: "operator" },
  ];
}
