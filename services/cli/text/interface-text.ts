import type { AdapterSkip, HarmCause, InterfaceShift } from "../../pipeline/interface-shift.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";

const causes: ReadonlyMap<string, string> = new Map<HarmCause, string>([
  ["convention", ": a matter of convention"],
  ["content", ": a matter of content"],
  ["undecided", ", but the rows do not tell how much"],
]);

/** Why a harm was not tested; the other reasons are no news beside the verdict. */
const skips: ReadonlyMap<string, string> = new Map<AdapterSkip, string>([
  ["probabilities", "it has probabilities"],
  ["too-wide", "it is too wide"],
  ["too-few-rows", "too few rows"],
  ["not-finite", "with the adapter, a prediction is not finite"],
]);

/**
 * How far an update moved its output: `moved 1.5 sd, 34 % of rows outside its old range`, with the standard deviations of
 * the old output.
 */
export function shiftText({ shift, outside }: InterfaceShift): string {
  if (shift === 0) return "unchanged";
  return `moved ${formatNumber(shift)} sd, ${formatPercent(100 * outside.candidate, false)} of rows outside its old range`;
}

/** What an affine adapter would do about the harm; undefined if there is none to speak of. */
export function adapterText({ adapter, adapterSkipped = "" }: InterfaceShift): string | undefined {
  if (adapter === undefined) {
    const skip = skips.get(adapterSkipped);
    return skip && `no adapter test: ${skip}`;
  }
  const { recovered, explains } = adapter;
  const removed =
    recovered >= 1 ? "all harm" : recovered > 0 ? `${formatPercent(100 * recovered, false)} of the harm` : "no harm";
  return `an affine adapter removes ${removed}${causes.get(explains) ?? ""}`;
}

/** The line below a verdict on a component that others read; none for other verdicts. */
export function interfaceLines({ interfaceShift }: Verdict): string[] {
  if (interfaceShift === undefined) return [];
  const parts = [`output ${shiftText(interfaceShift)}`, adapterText(interfaceShift)];
  return [`    ${parts.filter((part) => part !== undefined).join("; ")}`];
}
