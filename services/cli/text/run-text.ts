import { snapshotName } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { colored, plain, type Style } from "../terminal/style.ts";

/** Duration of a run in seconds, if it has started and ended. */
export function secondsOf({ startedAt, finishedAt }: Run): number | undefined {
  if (startedAt === null || finishedAt === null) return undefined;
  return (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
}

/** A run's outcome or current state in one line. */
export function runLine(run: Run, style: Style): string {
  const { component, state, snapshot, error, steps, loss } = run;
  const seconds = secondsOf(run);
  const what = plain(`${component} ${formatProtocol(run.protocol)}`);
  if (state === "failed") return `${what}: ${colored(style, state)}: ${plain(error?.message ?? "no reason given")}`;
  if (run.waitingFor !== null) return `${what}: ${colored(style, state)} for ${plain(run.waitingFor)}`;
  if (state !== "succeeded" || snapshot === null) return `${what}: ${colored(style, state)}`;
  const took = seconds === undefined ? "" : ` in ${formatSeconds(seconds)}`;
  return `${what}: published ${style.bold(snapshotName({ component, serial: snapshot }))} after ${steps} steps${took}, loss ${formatNumber(loss)}`;
}
