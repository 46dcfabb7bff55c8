import type { PipelineReport, RoleReport } from "../../registry/jetstream/inspect-pipeline.ts";
import { READ } from "../../registry/jetstream/rights.ts";
import { type Check, checksOf } from "./check.ts";
import { roleName } from "./roles.ts";

/** What one role may do with the key. */
export interface RoleRights {
  /** `operator`, `evaluator`, `trainer:COMPONENT` or `follower:NAME` */
  readonly role: string;
  /** Whether the key has all rights of the role. */
  readonly complete: boolean;
  /** The rights that it lacks. */
  readonly missing: readonly string[];
}

const { ok, warning, failure, unknown } = checksOf("rights");
/** The fraction of a role's own rights from which on a key counts as one of that role. */
const CLEARLY = 0.5;
const RENEW =
  "write the accounts again with `uncouple scaffold nats --force` and have the server read them twice (docs/security.md), or use the key of the role";

export function rightsOf({ roles }: Pick<PipelineReport, "roles">): readonly RoleRights[] {
  return roles.map(({ role, missing, untried }) => ({
    role: roleName(role),
    complete: missing.length === 0 && untried.length === 0,
    missing: missing.map(({ right }) => right),
  }));
}

/** @param named the roles that the key should have; without any, it should have one */
export function checkRights(report: PipelineReport, named: readonly string[]): readonly Check[] {
  const { roles, file } = report;
  const complete = roles.filter(({ missing, untried }) => missing.length === 0 && untried.length === 0);
  const expected = roles.filter(({ role }) => named.includes(roleName(role)));
  return [
    ...(expected.length > 0 ? expected.map(checkRole) : [checkAnyRole(roles, complete)]),
    ...(file === undefined && named.length === 0
      ? [
          unknown(
            "trainers",
            "no pipeline file is in force, so their components are not known",
            "run `uncouple pipeline apply`, or name the role of the key with --as trainer:COMPONENT",
          ),
        ]
      : []),
    ...checkIsolation(complete),
  ];
}

function checkRole(report: RoleReport): Check {
  const name = roleName(report.role);
  const { missing, untried } = report;
  if (missing.length > 0) return failure(name, lacks(report), RENEW);
  if (untried.length > 0) return unknown(name, `no answer about ${untried.join(", ")}`, "try again");
  return ok(name, "the key has all rights that it needs");
}

function checkAnyRole(roles: readonly RoleReport[], complete: readonly RoleReport[]): Check {
  if (complete.length > 0) {
    return ok("key", `has all rights of ${complete.map(({ role }) => roleName(role)).join(", ")}`);
  }
  const untried = roles.flatMap((role) => role.untried);
  if (untried.length > 0) return unknown("key", `no answer about ${untried.join(", ")}`, "try again");
  const unreadable = roles.find(({ missing }) => missing.some(({ right }) => right === READ));
  const [closest] = [...roles].sort((a, b) => share(b) - share(a));
  if (closest !== undefined && share(closest) >= CLEARLY) {
    return failure("key", `is that of ${roleName(closest.role)}, and ${lacks(closest)}`, RENEW);
  }
  if (unreadable !== undefined) return failure("key", lacks({ ...unreadable, missing: readOf(unreadable) }), RENEW);
  return warning(
    "key",
    "may read, and has the rights of no service",
    "use the key of a trainer, an evaluator or the operator for their work; --as ROLE says what is missing",
  );
}

function readOf({ missing }: RoleReport): RoleReport["missing"] {
  return missing.filter(({ right }) => right === READ);
}

/** The fraction of a role's own rights, without reading, that the key has. */
function share({ held, missing }: RoleReport): number {
  return held / Math.max(1, held + missing.filter(({ right }) => right !== READ).length);
}

function lacks({ missing }: Pick<RoleReport, "missing">): string {
  return `lacks the right to ${missing.map(({ right, subject }) => `${right} (${subject})`).join(", to ")}`;
}

/** Keys of different kinds in one: whoever has it can act as the others. */
function checkIsolation(complete: readonly RoleReport[]): readonly Check[] {
  const kinds = new Set(complete.map(({ role }) => role.kind));
  if (kinds.size < 2) return [];
  const roles = complete.map(({ role }) => roleName(role)).join(", ");
  return [
    warning(
      "isolation",
      `one key has all rights of ${roles}, so that whoever has it can forge snapshots and verdicts of others`,
      "give each team an account of its own: `uncouple scaffold nats` (docs/security.md)",
    ),
  ];
}
