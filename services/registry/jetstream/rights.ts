import { ErrorCode as NatsCode, NatsError } from "nats";
import { UncoupleError } from "../../common/errors.ts";
import type { EntryKind } from "../../pipeline/release.ts";

/** Reading announcements, models, verdicts, quarantines, aliases, pipeline files, tombstones and the ledger. */
export const READ = "read the pipeline's streams";

/** The right to append each kind of entry to the ledger. */
export const LEDGER_RIGHTS: Readonly<Record<EntryKind, string>> = {
  release: "write releases",
  decision: "write decisions of gates",
  order: "write orders to gates",
  "candidate-run": "request runs on candidates",
  served: "report what is served",
  delivered: "note what webhooks were told",
};

/** Names the right that a key lacks, if the server has refused it; every other error stays as it is. */
export function namingRight(error: unknown, right: string): unknown {
  if (!(error instanceof UncoupleError)) return error;
  if (!(error.cause instanceof NatsError) || error.cause.code !== NatsCode.PermissionsViolation) return error;
  return new UncoupleError(
    "failed-precondition",
    `this key lacks the right to ${right}: ${error.message}; use the key of another role, or write the accounts again with \`uncouple scaffold nats --force\` (docs/security.md)`,
    { cause: error },
  );
}
