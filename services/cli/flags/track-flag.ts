import type { Command } from "commander";
import { parseTrackingTarget, type TrackingTarget } from "../../tracking/tracking-target.ts";
import { type CliContext, setting } from "../context/context.ts";

/** Where a service logs what it does. */
export interface TrackFlags {
  readonly track?: string;
}

const VARIABLE = "UNCOUPLE_TRACK";

export function withTrackFlag(command: Command): Command {
  return command.option(
    "--track <mlflow=url>",
    "log runs, models and verdicts to an MLflow server, mlflow=http://host:port (UNCOUPLE_TRACK)",
  );
}

/** @throws UncoupleError `invalid-argument` as `parseTrackingTarget` */
export function trackingTarget({ env }: Pick<CliContext, "env">, flags: TrackFlags): TrackingTarget | undefined {
  const text = flags.track ?? setting(env, VARIABLE);
  return text === undefined ? undefined : parseTrackingTarget(text, env);
}

/** The environment in which the flag has replaced its variable, which child processes inherit. */
export function trackEnvironment(env: CliContext["env"], { track }: TrackFlags): CliContext["env"] {
  return track === undefined ? env : { ...env, [VARIABLE]: track };
}
