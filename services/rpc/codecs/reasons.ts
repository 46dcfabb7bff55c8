import type { ErrorCode } from "../../common/errors.ts";
import type { ErrorReason__Output } from "../gen/uncouple/v1/ErrorReason.ts";
import { closedSet } from "./closed-set.ts";

export const reasons = closedSet<ErrorCode, ErrorReason__Output>("error reason", {
  "invalid-argument": "INVALID_ARGUMENT",
  "not-found": "NOT_FOUND",
  conflict: "CONFLICT",
  "failed-precondition": "FAILED_PRECONDITION",
  "resource-exhausted": "RESOURCE_EXHAUSTED",
  cancelled: "CANCELLED",
  "deadline-exceeded": "DEADLINE_EXCEEDED",
  unavailable: "UNAVAILABLE",
  "data-loss": "DATA_LOSS",
  internal: "INTERNAL",
  deleted: "DELETED",
  unauthenticated: "UNAUTHENTICATED",
});
