import type { ErrorCode } from "../../common/errors.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { Part } from "./part-runner.ts";

/** To a thread that runs parts. It is sent one part at a time. */
export type PartRequest = { readonly kind: "run"; readonly scenario: Scenario; readonly part: Part };

export type PartAnswer =
  | { readonly kind: "tick"; readonly tick: number }
  | { readonly kind: "done"; readonly run: PolicyRun }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
